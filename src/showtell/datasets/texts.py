"""Text-only captions, whose photos are not in the data set, with the objects of those photos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from showtell.datasets.dataset import Problem, TextOnly
from showtell.datasets.objects import unique_names
from showtell.datasets.reading import read_packed_text
from showtell.errors import DatasetError

CAPTIONS, OBJECTS = "captions_text.tsv.gz", "objects_text.tsv.gz"


def read_texts(folder: Path, held_out: Mapping[str, str]) -> tuple[tuple[TextOnly, ...], list[Problem]]:
    """Return the captions in `captions_text.tsv.gz`, photo by photo, with their objects; none without the file.

    Its lines are `ID<TAB>caption`, those of `objects_text.tsv.gz` beside it `ID<TAB>classes`, with commas between.

    Args:
        folder: where the two files lie.
        held_out: the splits of the held-out photos, by name without suffix; captions of these are left out, because
            training on them would be a leak.

    Raises:
        DatasetError: one of the files is missing, damaged, too large, or not UTF-8.
    """
    if not (folder / CAPTIONS).is_file():
        return (), []
    if not (folder / OBJECTS).is_file():
        raise DatasetError(f"{folder / CAPTIONS}: the objects of its photos are missing; put {OBJECTS} beside it")
    problems: list[Problem] = []
    captions: dict[str, list[str]] = {}
    for where, id_, caption in _lines(folder / CAPTIONS, problems):
        if caption:
            captions.setdefault(id_, []).append(" ".join(caption.split()))
        else:
            problems.append(Problem("empty caption", where, f"the caption of {id_} is empty"))
    objects: dict[str, tuple[str, ...]] = {}
    for where, id_, classes in _lines(folder / OBJECTS, problems):
        if id_ in objects:
            problems.append(Problem("malformed entry", where, f"{id_} has its objects on an earlier line already"))
        else:
            objects[id_] = unique_names(name for name in classes.split(",") if name.strip())
    texts = []
    for id_, said in captions.items():
        if id_ in held_out:
            detail = f"the photo is in {held_out[id_]}; its {len(said)} captions are left out"
            problems.append(Problem("held-out photo", f"{CAPTIONS}:{id_}", detail))
        elif id_ not in objects:
            detail = f"{OBJECTS} has no line for {id_}; its {len(said)} captions are left out"
            problems.append(Problem("no objects", f"{CAPTIONS}:{id_}", detail))
        else:
            texts.append(TextOnly(tuple(said), objects[id_]))
    for id_ in (id_ for id_ in objects if id_ not in captions):
        problems.append(Problem("no captions", f"{OBJECTS}:{id_}", f"{CAPTIONS} has no line for {id_}"))
    return tuple(texts), problems


def _lines(file: Path, problems: list[Problem]) -> Iterator[tuple[str, str, str]]:
    """Yield the place, the ID and what is said of it of each line; note those that are no such line."""
    for number, line in enumerate(read_packed_text(file).split("\n"), 1):
        where = f"{file.name}:{number}"
        match [part.strip() for part in line.split("\t")]:
            case [id_, said] if id_:
                yield where, id_, said
            case [""]:
                pass
            case _:
                problems.append(Problem("malformed entry", where, f"{line[:80]!r} is not an ID, a tab and a text"))
