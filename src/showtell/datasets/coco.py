"""The captions JSON of COCO (Chen et al. 2015): a list of images and a list of annotations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from showtell.datasets.dataset import Dataset
from showtell.datasets.gathering import Gathering, find_photos, usual_folders
from showtell.datasets.objects import read_instances


def read_coco(files: Mapping[Path, dict[str, object]], photos: Path | None = None) -> Dataset:
    """Return the data set of one or more captions files, given with their parsed JSON.

    `captions_train2017.json` is the split `train`. Its photos lie in `train2017` or in one folder for all,
    beside the file or beside its folder `annotations`. `instances_train2017.json` beside it says what its photos show.

    Raises:
        DatasetError: the photos cannot be found, or nothing is described.
    """
    first = next(iter(files))
    root = first.parent.parent if first.parent.name == "annotations" else first.parent
    gathering = Gathering(root, photos or root, beside=first.parent)
    for path, content in files.items():
        _gather(gathering, path, content, photos or root, photos)
    return gathering.dataset()


def _gather(gathering: Gathering, path: Path, content: dict[str, object], root: Path, photos: Path | None) -> None:
    names: dict[object, str] = {}
    for index, image in enumerate(_list(content, "images")):
        match image:
            case {"id": int() | str() as id_, "file_name": str(name)}:
                names[id_] = name
            case _:
                where = f"{path.name}:images[{index}]"
                gathering.problem("malformed entry", where, "expected an object with id and file_name")
    part = path.stem.removeprefix("captions_")
    own = [root / part, *(folder / part for folder in usual_folders(root))]
    folder = find_photos(None, [*own, *usual_folders(root)], names.values(), path)
    split = re.search("train|val|test", path.stem)
    for name in names.values():
        where = f"{path.name}:{name}"
        gathering.photo(str(folder / name), where)
        if split:
            gathering.split(str(folder / name), split[0], where)
    shown = _instances(gathering, path.with_name(f"instances_{part}.json"))
    for name, classes in shown.items():
        gathering.objects(str(folder / name), classes, f"instances_{part}.json:{name}")
        if split:
            gathering.split(str(folder / name), split[0], f"instances_{part}.json:{name}")
    for index, annotation in enumerate(_list(content, "annotations")):
        where = f"{path.name}:annotations[{index}]"
        match annotation:
            case {"image_id": int() | str() as id_, "caption": caption} if id_ in names:
                gathering.caption(str(folder / names[id_]), caption, where)
            case _:
                gathering.problem("malformed entry", where, "expected the image_id of one of the images")


def _instances(gathering: Gathering, file: Path) -> dict[str, tuple[str, ...]]:
    if not file.is_file():
        return {}
    shown, problems = read_instances(file)
    for problem in problems:
        gathering.problem(problem.kind, problem.name, problem.detail)
    return shown


def _list(content: dict[str, object], key: str) -> list[object]:
    value = content.get(key)
    return value if isinstance(value, list) else []
