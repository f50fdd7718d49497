"""Data sets of photos with captions, read from common formats."""

from __future__ import annotations

import os
from pathlib import Path

from showtell.datasets.dataset import Dataset, Example, Problem, TextOnly
from showtell.datasets.readers.coco import is_coco, read_coco
from showtell.datasets.readers.flickr8k import TOKENS, is_token_file, read_flickr8k
from showtell.datasets.readers.folder import is_folder_of_pairs, read_folder
from showtell.datasets.readers.karpathy import read_karpathy
from showtell.datasets.readers.table import is_table, read_list, read_table
from showtell.datasets.reading import absolute, read_json
from showtell.errors import DatasetError

__all__ = ["Dataset", "Example", "Problem", "TextOnly", "read_dataset"]

_FORMATS = (
    f"Flickr8k ({TOKENS}) and Flickr30k (results_*.token), Karpathy JSON (dataset.json), COCO (captions_*.json), "
    "a table (captions.csv, .tsv, .jsonl or .json with the columns file and caption), "
    "or photos with a .txt beside each"
)

_NAMED_TABLES = tuple(f"{stem}.{end}" for stem in ("captions", "metadata") for end in ("csv", "tsv", "jsonl", "json"))


def read_dataset(path: str | os.PathLike[str], photos: str | os.PathLike[str] | None = None) -> Dataset:
    """Return the data set at `path`, a folder or a captions file, whichever format it has.

    The photos are looked for beside the captions file, in `images` or `photos` there, or only in the folder
    `photos` if it is given. Where the format names no splits, a hash of each photo's name divides them,
    about nine to one, into `train` and `val`.
    The photos' objects and text-only captions may be next to the captions (see `objects`, `texts`).

    Raises:
        DatasetError: no known format, several at once, unreadable, or without a single captioned photo.
    """
    source = absolute(path)
    folder = None if photos is None else absolute(photos)
    if source.is_dir():
        return _read_folder(source, folder)
    if not source.is_file():
        raise DatasetError(f"data set {source}: no such file or folder")
    return _read_file(source, folder)


def _read_folder(folder: Path, photos: Path | None) -> Dataset:
    """Read a folder; unambiguous formats are tried first."""

    def there(*patterns: str) -> list[Path]:
        return sorted(file for pattern in patterns for file in folder.glob(pattern))

    coco = {file: read_json(file) for file in there("captions_*.json", "annotations/captions_*.json")}
    if any(map(is_coco, coco.values())):
        return read_coco(coco, photos)
    found = there(TOKENS) or there("results_*.token") or there("dataset*.json")
    found = found or there(*_NAMED_TABLES) or [file for file in there("captions.txt") if is_table(file)]
    if not found and is_folder_of_pairs(folder, photos):
        return read_folder(folder, photos)
    found = found or there("*.csv", "*.tsv", "*.jsonl")
    if not found:
        raise DatasetError(f"data set {folder}: it holds none of the known formats: {_FORMATS}")
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise DatasetError(f"data set {folder}: it holds {names}; name the one to read")
    return _read_file(found[0], photos)


def _read_file(file: Path, photos: Path | None) -> Dataset:
    match file.suffix.lower():
        case ".csv" | ".tsv" | ".jsonl":
            return read_table(file, photos)
        case ".json":
            match read_json(file):
                case list(entries):
                    return read_list(file, entries, photos)
                case content if is_coco(content):
                    return read_coco({file: content}, photos)
                case {"images": list(images)}:
                    return read_karpathy(file, images, photos)
    if is_token_file(file):
        return read_flickr8k(file, photos)
    if is_table(file):
        return read_table(file, photos)
    raise DatasetError(f"data set {file}: none of the known formats: {_FORMATS}")
