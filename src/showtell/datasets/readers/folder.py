"""A folder of photos with a text file next to each: `cat.jpg` and `cat.txt`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from showtell._util.files import list_files
from showtell.datasets.builder import DatasetBuilder
from showtell.datasets.dataset import Dataset
from showtell.datasets.names import canonical
from showtell.datasets.reading import read_text
from showtell.errors import DatasetError
from showtell.vision.photo import list_photos

_SUFFIX = ".txt"


def read_folder(path: Path, photos: Path | None = None) -> Dataset:
    """Return the data set of a folder and the folders in it.

    Each line of a photo's text file is a caption, blank lines are none.

    Raises:
        DatasetError: a text file cannot be read, or no photo has one.
    """
    root = photos or path
    builder = DatasetBuilder(path, root)
    names = _photos(root)
    for name in names.values():
        builder.add_photo(name, name)
    for text in list_files(path, {_SUFFIX}, DatasetError):
        where = text.relative_to(path).as_posix()
        photo = _photo_of(where, names)
        if photo is None:
            builder.add_problem("missing photo", where, "no photo of this name lies beside it")
            continue
        for number, line in enumerate(read_text(text).split("\n"), 1):
            if line.strip():
                builder.add_caption(photo, line, f"{where}:{number}")
    return builder.build()


def is_folder_of_pairs(path: Path, photos: Path | None = None) -> bool:
    """Return whether some photo has a text file of its name."""
    texts = (text.relative_to(path).as_posix() for text in list_files(path, {_SUFFIX}, DatasetError))
    names = _photos(photos or path)
    return any(_photo_of(text, names) for text in texts)


def _photo_of(text: str, names: Mapping[str, str]) -> str | None:
    """Return the photo of a text file's name: of just that, or the only one in other capitals or composed otherwise."""
    stem = text[: -len(_SUFFIX)]
    return names.get(stem) or names.get(canonical(stem))


def _photos(root: Path) -> dict[str, str]:
    """Return the names of the photos in a folder and the folders in it, by their names without suffix.

    What is called like no other in other capitals or with accents composed otherwise has its canonical name too.
    """
    names = [path.relative_to(root) for path in list_photos(root)]
    exact = {name.with_suffix("").as_posix(): name.as_posix() for name in names}
    times = Counter(map(canonical, exact))
    return {canonical(stem): name for stem, name in exact.items() if times[canonical(stem)] == 1} | exact
