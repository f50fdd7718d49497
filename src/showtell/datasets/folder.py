"""A folder of photos with a text file beside each: `cat.jpg` and `cat.txt`."""

from __future__ import annotations

from pathlib import Path

from showtell.datasets.dataset import Dataset
from showtell.datasets.gathering import SPLITS, Gathering
from showtell.datasets.reading import read_text
from showtell.vision.photo import list_photos


def read_folder(path: Path, photos: Path | None = None) -> Dataset:
    """Return the data set of a folder and the folders in it.

    Each line of a photo's text file is a caption, blank lines are none. The folders `train`, `val` and `test`
    are splits.

    Raises:
        DatasetError: a text file cannot be read, or no photo has one.
    """
    root = photos or path
    gathering = Gathering(path, root)
    names = _photos(root)
    for name in names.values():
        gathering.photo(name, name)
        part = Path(name).parts[0]
        if part in SPLITS:
            gathering.split(name, part, name)
    for text in sorted(path.rglob("*.txt")):
        where = text.relative_to(path).as_posix()
        photo = names.get(where.removesuffix(".txt"))
        if photo is None:
            gathering.problem("missing photo", where, "no photo of this name lies beside it")
            continue
        for number, line in enumerate(read_text(text).split("\n"), 1):
            if line.strip():
                gathering.caption(photo, line, f"{where}:{number}")
    return gathering.dataset()


def is_folder_of_pairs(path: Path, photos: Path | None = None) -> bool:
    """Return whether some photo has a text file of its name."""
    return any((path / f"{stem}.txt").is_file() for stem in _photos(photos or path))


def _photos(root: Path) -> dict[str, str]:
    """Return the names of the photos in a folder and the folders in it, by their names without suffix."""
    names = [path.relative_to(root) for path in list_photos(root)]
    return {name.with_suffix("").as_posix(): name.as_posix() for name in names}
