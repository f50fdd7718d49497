"""Object labels of photos: `objects.json` next to the captions, for any format, and COCO's instances."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from showtell.datasets.dataset import Problem
from showtell.datasets.image_ids import ImageIds
from showtell.datasets.names import canonical
from showtell.datasets.reading import read_json
from showtell.errors import DatasetError

OBJECTS = "objects.json"


def read_objects(folder: Path) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """Return the classes that each photo shows by the photo's name, as `objects.json` in `folder` says; none without.

    Raises:
        DatasetError: the file cannot be read, or is no JSON object.
    """
    file = folder / OBJECTS
    if not file.is_file():
        return {}, []
    content = read_json(file)
    if not isinstance(content, dict):
        raise DatasetError(f"{file}: expected an object: a photo's name -> a list of the names of classes")
    found: dict[str, tuple[str, ...]] = {}
    problems = []
    for name, classes in content.items():
        if isinstance(classes, list) and all(isinstance(one, str) and one.strip() for one in classes):
            found[name] = unique_names(classes)
        else:
            detail = f"the objects of {name} are {classes!r:.80}, not a list of the names of classes"
            problems.append(Problem("malformed entry", f"{OBJECTS}:{name}", detail))
    return found, problems


def match_objects(
    objects: dict[str, tuple[str, ...]], labels: Iterable[str]
) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """Return the objects of the photos `labels`, each a path with slashes, by label.

    A name means the photo whose label ends with it, folder by folder: `a.jpg` is `train/a.jpg`. One that means
    several photos is given to none.
    """
    photos: dict[str, list[str]] = defaultdict(list)
    stated = {canonical(name.replace("\\", "/")): name for name in objects} | {name: name for name in objects}
    for label in labels:
        parts = label.split("/")
        ends = ["/".join(parts[start:]) for start in range(len(parts))]
        name = next((stated[end] for end in [*ends, *map(canonical, ends)] if end in stated), None)
        if name is not None:
            photos[name].append(label)
    problems = []
    for name in objects:
        if name not in photos:
            problems.append(
                Problem("missing photo", f"{OBJECTS}:{name}", "there is no such photo; its objects are left out")
            )
        elif len(photos[name]) > 1:
            detail = f"{name} is {', '.join(photos[name][:3])}; write their folders too"
            problems.append(Problem("malformed entry", f"{OBJECTS}:{name}", detail))
    return {labels[0]: objects[name] for name, labels in photos.items() if len(labels) == 1}, problems


def read_instances(file: Path) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """Return the classes that each image of COCO's instances (`instances_train2017.json`) shows, by its file's name.

    Raises:
        DatasetError: the file cannot be read, or lacks its lists of images, annotations and categories.
    """
    match read_json(file, _drop_segmentation):
        case {"images": list(images), "annotations": list(annotations), "categories": list(categories)}:
            pass
        case _:
            raise DatasetError(f"{file}: expected COCO's instances: lists of images, annotations and categories")
    problems = []

    def malformed(part: str, index: int, expected: str) -> None:
        problems.append(Problem("malformed entry", f"{file.name}:{part}[{index}]", f"expected {expected}"))

    classes: dict[object, str] = {}
    for index, category in enumerate(categories):
        match category:
            case {"id": int() | str() as id_, "name": str(name)} if name.strip():
                classes[id_] = name
            case _:
                malformed("categories", index, "an object with id and name")
    named: list[tuple[int | str, str]] = []
    for index, image in enumerate(images):
        match image:
            case {"id": int() | str() as id_, "file_name": str(name)}:
                named.append((id_, name))
            case _:
                malformed("images", index, "an object with id and file_name")
    ids = ImageIds(named)
    found: dict[str, list[str]] = {name: [] for id_, name in named if id_ not in ids.duplicates}
    for index, annotation in enumerate(annotations):
        match annotation:
            case {"image_id": int() | str() as image_id, "category_id": int() | str() as category_id} if (
                owner := ids.name(image_id)
            ) and category_id in classes:
                found[owner].append(classes[category_id])
            case _:
                malformed("annotations", index, "the image_id of one of the images and the category_id of a category")
    return {name: unique_names(shown) for name, shown in found.items()}, problems


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names, stripped and without duplicates, in order."""
    return tuple(dict.fromkeys(name.strip() for name in names))


def _drop_segmentation(entry: dict[str, object]) -> dict[str, object]:
    """Drop an instance's outline, which is nearly all of a 450 MB file, while it is read."""
    entry.pop("segmentation", None)
    return entry
