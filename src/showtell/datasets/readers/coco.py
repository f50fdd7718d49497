"""The captions JSON of COCO (Chen et al. 2015): a list of images and a list of annotations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from showtell.datasets.builder import DatasetBuilder, find_photos, usual_folders
from showtell.datasets.dataset import Dataset
from showtell.datasets.image_ids import ImageIds
from showtell.datasets.objects import read_instances
from showtell.datasets.splits import split_in_file_name


def is_coco(content: object) -> bool:
    """Return whether what a JSON file holds are COCO's captions: lists of images and of annotations."""
    match content:
        case {"images": list(), "annotations": list()}:
            return True
    return False


def read_coco(files: Mapping[Path, object], photos: Path | None = None) -> Dataset:
    """Return the data set of one or more captions files, given with their parsed JSON.

    Files that hold something else, such as the results of COCO's evaluation, are left out and named.

    `captions_train2017.json` is the split `train`. Its photos lie in `train2017` or in one folder for all,
    beside the file or beside its folder `annotations`. `instances_train2017.json` beside it says what its photos show.

    Raises:
        DatasetError: the photos cannot be found, or nothing is described.
    """
    captions = {path: content for path, content in files.items() if is_coco(content)}
    first = next(iter(captions))
    root = first.parent.parent if first.parent.name == "annotations" else first.parent
    builder = DatasetBuilder(root, photos or root, beside=first.parent)
    for path in sorted(files.keys() - captions.keys()):
        builder.add_problem("malformed entry", path.name, "it holds no lists of images and annotations")
    for path, content in captions.items():
        _add_file(builder, path, content, photos or root, photos)
    return builder.build()


def _add_file(builder: DatasetBuilder, path: Path, content: object, root: Path, photos: Path | None) -> None:
    named: list[tuple[int | str, str]] = []
    for index, image in enumerate(_list(content, "images")):
        where = f"{path.name}:images[{index}]"
        match image:
            case {"id": int() | str() as id_, "file_name": str(name)}:
                named.append((id_, name))
            case _:
                builder.add_problem("malformed entry", where, "expected an object with id and file_name")
    ids = ImageIds(named)
    part = path.stem.removeprefix("captions_")
    own = [root / part, *(folder / part for folder in usual_folders(root))]
    folder = find_photos(None, [*own, *usual_folders(root)], (name for _, name in named), path)
    split = split_in_file_name(part)
    for id_, name in named:
        where = f"{path.name}:{name}"
        builder.add_photo(str(folder / name), where)
        builder.set_split(str(folder / name), split, where)
        if id_ in ids.duplicates:
            detail = f"its id {id_!r} is another image's too; the captions of that id are left out"
            builder.add_problem("malformed entry", where, detail)
    shown = _instances(builder, path.with_name(f"instances_{part}.json"))
    for name, classes in shown.items():
        builder.set_objects(str(folder / name), classes, f"instances_{part}.json:{name}")
        builder.set_split(str(folder / name), split, f"instances_{part}.json:{name}")
    for index, annotation in enumerate(_list(content, "annotations")):
        where = f"{path.name}:annotations[{index}]"
        match annotation:
            case {"image_id": int() | str() as id_, "caption": caption} if owner := ids.name(id_):
                builder.add_caption(str(folder / owner), caption, where)
            case _:
                builder.add_problem("malformed entry", where, "expected a caption and the image_id of one image")


def _instances(builder: DatasetBuilder, file: Path) -> dict[str, tuple[str, ...]]:
    if not file.is_file():
        return {}
    shown, problems = read_instances(file)
    for problem in problems:
        builder.add_problem(problem.kind, problem.name, problem.detail)
    return shown


def _list(content: object, key: str) -> list[object]:
    match content:
        case {**entries} if isinstance(found := entries.get(key), list):
            return found
    return []
