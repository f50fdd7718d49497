"""Generated captions with their references and scores: one line of JSON per photo."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePath

from showtell._util.files import write_atomically
from showtell.datasets.reading import read_text
from showtell.errors import DatasetError
from showtell.metrics import Scores, chair


@dataclass(frozen=True)
class EvaluationRecord:
    """A photo's name, its generated caption, its references, and its objects where known."""

    file: str
    caption: str
    references: tuple[str, ...]
    objects: tuple[str, ...] | None = None


def write_records(path: str | os.PathLike[str], records: Sequence[EvaluationRecord], scores: Scores) -> None:
    """Write a line for each record, with its CIDEr-D, BLEU-4 and ROUGE-L, and the objects that its caption mentions.

    Raises:
        OSError: the file cannot be written; what was there before is untouched.
    """
    values = zip(
        scores.cider_d_per_photo.tolist(),
        scores.bleu_per_photo[:, 3].tolist(),
        scores.rouge_l_per_photo.tolist(),
        strict=True,
    )
    lines = []
    for record, (cider_d, bleu_4, rouge_l) in zip(records, values, strict=True):
        entry: dict[str, object] = {"file": record.file, "caption": record.caption, "references": record.references}
        entry |= {"cider_d": cider_d, "bleu_4": bleu_4, "rouge_l": rouge_l}
        if record.objects is not None:
            [found] = chair([record.caption], [record.objects], [record.references]).per_photo
            entry |= {"objects": sorted(found.present), "named": found.named, "hallucinated": found.hallucinated}
        lines.append(json.dumps(entry, ensure_ascii=False) + "\n")
    # A name that is not UTF-8, or half of an emoji, is written as JSON escapes it
    write_atomically(path, "".join(lines).encode("utf-8", "backslashreplace"))


def may_become_records(head: bytes, tail: bytes) -> bool:
    """Whether a file that begins with `head` may be overwritten: records, or a text that is neither JSON nor HTML."""
    if head.startswith(b'{"file": '):
        return True
    return b"\0" not in head and not head.lstrip().startswith((b"{", b"[", b"<", b"\xff\xd8", b"\x89PNG", b"RIFF"))


def read_records(path: str | os.PathLike[str]) -> list[EvaluationRecord]:
    """Read what `write_records` wrote.

    Raises:
        DatasetError: the file cannot be read, is empty, has a photo twice, or a line is no such record; it is named.
    """
    records = []
    # a line ends there alone: a caption may hold what else Python takes for a line's end
    lines = read_text(Path(path)).removesuffix("\n").split("\n")
    for number, line in enumerate(lines if lines != [""] else [], 1):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        match entry:
            case {"file": str(file), "caption": str(caption), "references": [str(), *_] as references} if all(
                isinstance(reference, str) for reference in references
            ):
                records.append(EvaluationRecord(file, caption, tuple(references)))
            case _:
                raise DatasetError(
                    f"{path}:{number}: expected a JSON object with file, caption and references, "
                    "as `showtell evaluate --captions` writes it"
                )
    twice = [file for file, times in Counter(record.file for record in records).items() if times > 1]
    if twice:
        raise DatasetError(f"{path}: {twice[0]} is there twice, expected one line for each photo")
    if not records:
        raise DatasetError(f"{path}: is empty, expected a line for each photo")
    return records


def by_photo(records: Iterable[EvaluationRecord]) -> dict[str, EvaluationRecord]:
    """The records by their photos' names in the folder that all photos are in, whatever the way to it."""
    found = [(PurePath(record.file.replace("\\", "/")).parts, record) for record in records]
    folders = zip(*(parts[:-1] for parts, _ in found), strict=False)
    above = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, folders))
    return {"/".join(parts[above:]): record for parts, record in found}
