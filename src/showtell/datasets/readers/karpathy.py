"""The JSON of Karpathy and Fei-Fei 2015 (`dataset.json`): photos, sentences and splits in one file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from showtell.datasets.builder import DatasetBuilder, find_photos, usual_folders
from showtell.datasets.dataset import Dataset


def read_karpathy(path: Path, images: list[object], photos: Path | None = None) -> Dataset:
    """Return the data set of the `images` in the JSON file at `path`; split `restval` counts as `train`.

    Raises:
        DatasetError: the photos folder cannot be found, or nothing is described.
    """
    names = (name for name in map(_name, images) if name is not None)
    folder = path.parent
    builder = DatasetBuilder(folder, find_photos(photos, usual_folders(folder), names, path))
    for index, image in enumerate(images):
        where = f"{path.name}:images[{index}]"
        name = _name(image)
        match image:
            case {"sentences": list(sentences)} if name is not None:
                builder.add_photo(name, where)
            case _:
                builder.add_problem("malformed entry", where, "expected an object with filename and sentences")
                continue
        match image:
            case {"split": split}:
                builder.set_split(name, split, where)
        for sentence in sentences:
            match sentence:
                case {"raw": raw}:
                    builder.add_caption(name, raw, where)
                case _:
                    builder.add_problem("malformed entry", where, f"a sentence of {name} has no raw text")
    return builder.build()


def _name(image: object) -> str | None:
    """Return where the photo lies in the photos folder: `filepath`, if there is one, then `filename`."""
    match image:
        case {"filename": str(name), "filepath": str(folder)}:
            return str(PurePosixPath(folder, name))
        case {"filename": str(name)}:
            return name
    return None
