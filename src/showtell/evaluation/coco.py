"""COCO's files: generated captions (results) and human captions (annotations)."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from showtell.datasets.image_ids import ImageIds
from showtell.datasets.reading import read_json
from showtell.errors import DatasetError
from showtell.evaluation.records import EvaluationRecord


def read_results(
    results: str | os.PathLike[str], references: str | os.PathLike[str]
) -> tuple[list[EvaluationRecord], list[str]]:
    """Read a results file, a list of `{"image_id", "caption"}`, and the annotations that it is scored against.

    Returns:
        The photos with a caption, in the order of the annotations file; and the names of those without one. A photo's
        name is its `file_name`, with its id where several have that name, or its id where the file names no photos.

    Raises:
        DatasetError: a file cannot be read or is not of that form, two captions are of one photo, two images have
            one id, or a photo of the results has no references.
    """
    written = _list(results, read_json(Path(results)))
    content = read_json(Path(references))
    if not isinstance(content, dict):
        raise DatasetError(f"{references}: expected an object with annotations, as COCO's captions files have it")
    named: list[tuple[int | str, str]] = []
    for entry in _list(references, content.get("images", [])):
        match entry:
            case {"id": int() | str() as photo, "file_name": str(name)}:
                named.append((photo, name))
            case {"id": int() | str() as photo}:
                named.append((photo, str(photo)))
    said: list[tuple[int | str, str]] = []
    for place, entry in enumerate(_list(references, content.get("annotations"))):
        match entry:
            case {"image_id": int() | str() as photo, "caption": str(caption)}:
                said.append((photo, caption))
            case _:
                raise DatasetError(
                    f"{references}: annotation {place} is {entry!r:.80}, expected an image_id and a caption"
                )
    ids = ImageIds(named)
    if ids.duplicates:
        raise DatasetError(f"{references}: two images have the id {min(map(str, ids.duplicates))}; give each its own")
    ids = ImageIds([*named, *((photo, str(photo)) for photo, _ in said if ids.known(photo) is None)])
    theirs: dict[int | str, list[str]] = {photo: [] for photo in ids}
    for photo, caption in said:
        theirs[_known(ids, photo)].append(caption)

    captions: dict[int | str, str] = {}
    for place, entry in enumerate(written):
        match entry:
            case {"image_id": int() | str() as given, "caption": str(caption)}:
                photo = _known(ids, given)
                if photo in captions:
                    raise DatasetError(f"{results}: photo {photo} has two captions, expected one; keep one of them")
                if not theirs.get(photo):
                    raise DatasetError(
                        f"{results}: photo {given!r} has no reference in {references}; do they belong together?"
                    )
                captions[photo] = caption
            case _:
                raise DatasetError(f"{results}: entry {place} is {entry!r:.80}, expected an image_id and a caption")
    names = {photo: ids.name(photo) or str(photo) for photo in theirs}
    times = Counter(names.values())
    names = {photo: f"{name} ({photo})" if times[name] > 1 else name for photo, name in names.items()}
    records = [
        EvaluationRecord(names[photo], captions[photo], tuple(of_photo))
        for photo, of_photo in theirs.items()
        if photo in captions
    ]
    if not records:
        raise DatasetError(f"{results}: there is no caption in it")
    return records, [names[photo] for photo in theirs if photo not in captions]


def _known(ids: ImageIds, photo: int | str) -> int | str:
    known = ids.known(photo)
    return photo if known is None else known


def _list(path: str | os.PathLike[str], value: object) -> list[object]:
    if not isinstance(value, list):
        raise DatasetError(f"{path}: expected a list of objects with image_id and caption")
    return value
