"""Flickr8k (Hodosh, Young, Hockenmaier 2013) and Flickr30k as distributed: a token file, lists of names."""

from __future__ import annotations

import re
from pathlib import Path

from showtell.datasets.builder import DatasetBuilder, find_photos, usual_folders
from showtell.datasets.dataset import Dataset
from showtell.datasets.reading import first_line, read_text

TOKENS = "Flickr8k.token.txt"
_LISTS = {
    "train": "Flickr_8k.trainImages.txt",
    "val": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}

# The last number sign before the tab: names may hold some.
_LINE = re.compile(r"([^\t]+)#[^\t#]*\t(.*)", re.DOTALL)


def is_token_file(path: Path) -> bool:
    """Return whether the first line of a file is `NAME#k<TAB>caption`, k being a number."""
    return re.match(r"[^\t]+#\d+\t", first_line(path)) is not None


def read_flickr8k(path: Path, photos: Path | None = None) -> Dataset:
    """Return the data set of a token file, its lines `NAME#k<TAB>caption`, and the lists of names beside it.

    Raises:
        DatasetError: a file or the photos folder cannot be read, or nothing is described.
    """
    folder = path.parent
    captions = []
    malformed = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if found := _LINE.fullmatch(line.rstrip("\r")):
            captions.append((found[1], found[2], f"{path.name}:{number}"))
        elif line.strip():
            malformed.append((f"{path.name}:{number}", f"{line[:80]!r} is not NAME#k<TAB>caption"))
    names = (name for name, _, _ in captions)
    builder = DatasetBuilder(folder, find_photos(photos, usual_folders(folder), names, path))
    for where, detail in malformed:
        builder.add_problem("malformed entry", where, detail)
    for name, caption, where in captions:
        builder.add_caption(name, caption, where)
    for split, file in _LISTS.items():
        if (folder / file).is_file():
            for number, name in enumerate(read_text(folder / file).split("\n"), 1):
                if name.strip():
                    builder.set_split(name.strip(), split, f"{file}:{number}")
    return builder.build()
