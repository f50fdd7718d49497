"""Tables of captions: CSV, TSV and JSON Lines, a row a photo or a caption."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

from showtell.datasets.dataset import Dataset
from showtell.datasets.gathering import Gathering, find_photos, usual_folders
from showtell.datasets.reading import read_text
from showtell.errors import DatasetError

_FILE = ("file", "image", "filename", "file_name", "photo", "path")
_CAPTION = ("caption", "captions", "text", "sentence")
_SPLIT = "split"
_DELIMITERS = ",\t;"

# A row: its place (file:line) and its values by lower-case column name, or a word on why it has none.
_Row = tuple[str, dict[str, object] | str]


def read_table(path: Path, photos: Path | None = None) -> Dataset:
    """Return the data set of a table with a column for the photo, one for the caption and perhaps `split`.

    The first line of a CSV or TSV names the columns, in any case: file, image, filename, file_name, photo or
    path; caption, captions, text or sentence. In JSON Lines (`.jsonl`) these are keys, and captions may be a
    list.

    Raises:
        DatasetError: a file or the photos cannot be read, a column is missing, or nothing is described.
    """
    rows = list(_json_rows(path) if path.suffix.lower() == ".jsonl" else _csv_rows(path))
    names = (name for _, row in rows if isinstance(name := _first(row, _FILE), str))
    folder = path.parent
    gathering = Gathering(folder, find_photos(photos, usual_folders(folder), names, path))
    for where, row in rows:
        name = _first(row, _FILE)
        caption = _first(row, _CAPTION)
        if isinstance(row, str):
            gathering.problem("malformed entry", where, row)
        elif not isinstance(name, str) or not name or caption is None:
            gathering.problem("malformed entry", where, "expected a photo's name and a caption")
        else:
            for one in caption if isinstance(caption, list) else [caption]:
                gathering.caption(name, one, where)
            split = row.get(_SPLIT)
            if isinstance(split, str) and split.strip():
                gathering.split(name, split, where)
    return gathering.dataset()


def is_table(path: Path) -> bool:
    """Return whether the first line of a text file names a photo's column and a caption's."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _delimiter(file.readline(10_000)) is not None
    except (OSError, UnicodeDecodeError):
        return False


def _first(row: dict[str, object] | str, names: tuple[str, ...]) -> object:
    """Return the value of the first of the columns `names` that a row has."""
    if isinstance(row, str):
        return None
    return next((row[name] for name in names if name in row), None)


def _json_rows(path: Path) -> Iterator[_Row]:
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path.name}:{number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield where, f"not JSON: {error}"
            continue
        if isinstance(row, dict):
            yield where, {key.strip().lower(): value for key, value in row.items()}
        else:
            yield where, "expected a JSON object"


def _csv_rows(path: Path) -> Iterator[_Row]:
    lines = list(io.StringIO(read_text(path), newline=""))
    delimiter = _delimiter(lines[0] if lines else "")
    if delimiter is None:
        raise DatasetError(
            f"{path}:1: {(lines or [''])[0].strip()[:80]!r} names no columns; "
            f"expected one of {', '.join(_FILE)} and one of {', '.join(_CAPTION)}"
        )
    columns = _columns(lines[0], delimiter)
    for number, fields in _csv_fields(lines, delimiter):
        where = f"{path.name}:{number}"
        if isinstance(fields, str):
            yield where, fields
        elif fields and len(fields) != len(columns):
            found = f"{len(fields)} fields, expected {len(columns)}"
            yield where, f'{found}; put a field that holds {delimiter!r} into "..."'
        elif fields:
            yield where, dict(zip(columns, fields, strict=True))


def _csv_fields(lines: list[str], delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield each record below the first line with its line number, or what is wrong with it.

    A quotation mark that is never closed would swallow the lines after it; reading begins again on the next.
    """
    at = 1

    def remaining() -> Iterator[str]:
        nonlocal at
        while at < len(lines):
            at += 1
            yield lines[at - 1]

    while at < len(lines):
        start = at
        try:
            for fields in csv.reader(remaining(), delimiter=delimiter, strict=True):
                yield start + 1, fields
                start = at
        except csv.Error as error:
            yield start + 1, f"{error}; write a quotation mark as two within quotation marks"
            at = start + 1


def _delimiter(header: str) -> str | None:
    """Return what separates the columns: whatever makes a photo's and a caption's column of `header`."""
    for delimiter in _DELIMITERS:
        columns = _columns(header, delimiter)
        if any(name in columns for name in _FILE) and any(name in columns for name in _CAPTION):
            return delimiter
    return None


def _columns(header: str, delimiter: str) -> list[str]:
    return [name.strip().strip('"').strip().lower() for name in header.split(delimiter)]
