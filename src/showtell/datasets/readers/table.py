"""Tables of captions: CSV, TSV, JSON Lines and lists in JSON, one row per photo or caption."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PureWindowsPath

from showtell.datasets.builder import DatasetBuilder, find_photos, usual_folders
from showtell.datasets.dataset import Dataset
from showtell.datasets.names import FileNames, is_file
from showtell.datasets.reading import first_line, read_text
from showtell.errors import DatasetError
from showtell.vision.photo import PHOTO_SUFFIXES

_FILE = ("file", "image", "filename", "file_name", "photo", "path")
_CAPTION = ("caption", "captions", "text", "sentence")
_SPLIT = "split"
_DELIMITERS = ",\t;"
_MAX_LINES = 100  # of one field

# A list of texts as Python or NumPy prints it: ['a cat', "it's"] or ['a cat' 'a dog'].
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_BETWEEN = re.compile(r"\s*,?\s*")

# A row: its place (file:line) and its values by lower-case column name, or an error message.
_Row = tuple[str, dict[str, list[object]] | str]


def read_table(path: Path, photos: Path | None = None) -> Dataset:
    """Return the data set of a table with a column for the photo, one for the caption and perhaps `split`.

    The first line of a CSV or TSV names the columns, in any case: file, image, filename, file_name, photo or
    path; caption, captions, text or sentence, which may be there several times, numbered or not. Of several columns
    for the photo that one counts in which files are named that are there. In JSON Lines (`.jsonl`) these are keys. A
    caption may be a list of captions, also as text in a cell.

    Raises:
        DatasetError: a file or the photos cannot be read, a column is missing, or nothing is described.
    """
    return _dataset(path, list(_json_rows(path) if path.suffix.lower() == ".jsonl" else _csv_rows(path)), photos)


def read_list(path: Path, entries: Sequence[object], photos: Path | None = None) -> Dataset:
    """Return the data set of the list in the JSON file at `path`, its entries like the lines of JSON Lines.

    Raises:
        DatasetError: the photos cannot be found, or nothing is described.
    """
    return _dataset(path, [(f"{path.name}:[{place}]", _row(entry)) for place, entry in enumerate(entries)], photos)


def is_table(path: Path) -> bool:
    """Return whether the first line of a text file names a photo's column and a caption's."""
    return _delimiter(first_line(path)) is not None


def _dataset(path: Path, rows: Sequence[_Row], photos: Path | None) -> Dataset:
    folder = path.parent
    columns = [name for name in _FILE if any(name in row for _, row in rows if not isinstance(row, str))]
    column, root = _photo_column(path, rows, columns, photos)
    builder = DatasetBuilder(folder, root)
    for where, row in rows:
        if isinstance(row, str):
            builder.add_problem("malformed entry", where, row)
            continue
        named = [value for key in (column, *columns) for value in row.get(key, [])]
        name = next((value for value in named if isinstance(value, str) and value.strip()), None)
        captions = [caption for key in row if _is_caption(key) for caption in row[key]]
        if name is None or all(caption is None for caption in captions):
            builder.add_problem("malformed entry", where, "expected a photo's name and a caption")
            continue
        builder.add_photo(name, where)
        for caption in captions:
            for one in _captions_in(caption):
                builder.add_caption(name, one, where)
        for split in row.get(_SPLIT, []):
            builder.set_split(name, split, where)
    return builder.build()


def _photo_column(path: Path, rows: Sequence[_Row], columns: Sequence[str], photos: Path | None) -> tuple[str, Path]:
    """Return the first of the columns that names a file that is there, and the folder of the photos."""
    problem: DatasetError | None = None
    for column in columns:
        names = [row[column][0] for _, row in rows if not isinstance(row, str) and column in row]
        texts = [name for name in names if isinstance(name, str)]
        try:
            root = find_photos(photos, usual_folders(path.parent), texts, path)
        except DatasetError as error:
            problem = problem or error
            continue
        listed = FileNames()
        if len(columns) == 1 or any(is_file(listed.find(root, name)) for name in texts):
            return column, root
    if problem:
        raise problem
    return columns[0] if columns else _FILE[0], find_photos(photos, usual_folders(path.parent), [], path)


def _is_caption(column: str) -> bool:
    """Return whether a column holds captions: `caption`, or one of several such as `caption_2`, `caption.1`."""
    return re.sub(r"[ ._-]?\d{1,3}$", "", column) in _CAPTION


def _captions_in(caption: object) -> Sequence[object]:
    """Return the captions in a cell: the items of a list, which may be given as text, or the cell itself."""
    if isinstance(caption, list):
        return caption
    if not isinstance(caption, str) or (text := caption.strip())[:1] + text[-1:] not in ("[]", "()"):
        return [caption]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return _printed_list(text[1:-1].strip()) or [caption]
    return found if all(isinstance(one, str) for one in found) else [caption]


def _printed_list(text: str) -> list[str]:
    """Return the texts of a list or tuple without its brackets as Python or NumPy prints it, none if it is no such."""
    found, place = [], 0
    while place < len(text):
        quoted = _TEXT.match(text, place)
        if quoted is None:
            return []
        found.append(re.sub(r"\\(.)", r"\1", quoted[0][1:-1]))
        between = _BETWEEN.match(text, quoted.end())
        place = between.end() if between else quoted.end()
    return found


def _json_rows(path: Path) -> Iterator[_Row]:
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path.name}:{number}"
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield where, f"not JSON: {error}"
            continue
        yield where, _row(entry)


def _row(entry: object) -> dict[str, list[object]] | str:
    if not isinstance(entry, dict):
        return "expected a JSON object"
    row: dict[str, list[object]] = {}
    for key, value in entry.items():
        row.setdefault(key.strip().lower(), []).append(value)
    return row


def _csv_rows(path: Path) -> Iterator[_Row]:
    lines = list(io.StringIO(read_text(path), newline=""))
    delimiter = _delimiter(lines[0] if lines else "")
    if delimiter is None:
        raise DatasetError(
            f"{path}:1: {(lines or [''])[0].strip()[:80]!r} names no columns; "
            f"expected one of {', '.join(_FILE)} and one of {', '.join(_CAPTION)}"
        )
    columns = _columns(lines[0], delimiter)
    for name in (*_FILE, _SPLIT):
        if columns.count(name) > 1:
            raise DatasetError(f"{path}:1: the column {name} is there {columns.count(name)} times; keep one of them")
    photo_columns = [place for place, name in enumerate(columns) if name in _FILE]
    for number, fields in _csv_fields(lines, delimiter, photo_columns, len(columns)):
        where = f"{path.name}:{number}"
        if isinstance(fields, str):
            yield where, fields
        elif fields and len(fields) != len(columns):
            found = f"{len(fields)} fields, expected {len(columns)}"
            yield where, f'{found}; put a field that holds {delimiter!r} into "..."'
        elif fields:
            row: dict[str, list[object]] = {}
            for name, field in zip(columns, fields, strict=True):
                row.setdefault(name, []).append(field)
            yield where, row


def _csv_fields(
    lines: Sequence[str], delimiter: str, photo_columns: Sequence[int], width: int
) -> Iterator[tuple[int, list[str] | str]]:
    """Yield each record below the first line with its line number, or what is wrong with it.

    A quotation mark that is never closed would swallow the lines after it, or end at one that stands there by chance:
    a field goes on for at most 100 lines, and not on one that begins with a photo's name. Reading begins again on the
    line after a record that is wrong. Blanks before a quotation mark do not count.
    """
    blank_then_quote = re.compile(rf'{delimiter} +"')
    at = 1
    while at < len(lines):
        start = taken = at

        def record(start: int = start) -> Iterator[str]:
            nonlocal taken
            for line in lines[start : start + _MAX_LINES]:
                if taken > start and _begins_a_row(line, delimiter, photo_columns):
                    return
                taken += 1
                yield line

        try:
            fields = next(csv.reader(record(), delimiter=delimiter, strict=True))
            if blank_then_quote.search(lines[start]) and (
                len(fields) != width or any(field.lstrip(" ").startswith('"') for field in fields)
            ):
                taken = start
                fields = next(csv.reader(record(), delimiter=delimiter, strict=True, skipinitialspace=True))
        except csv.Error as error:
            yield start + 1, f"{error}; write a quotation mark as two within quotation marks"
            at = start + 1
            continue
        yield start + 1, fields
        at = taken


def _begins_a_row(line: str, delimiter: str, photo_columns: Sequence[int]) -> bool:
    """Return whether a line has a photo's name where a row has one."""
    fields = line.split(delimiter, max(photo_columns, default=0) + 1)
    names = (fields[place].strip().strip('"') for place in photo_columns if place < len(fields) - 1)
    return any(PureWindowsPath(name).suffix.lower() in PHOTO_SUFFIXES for name in names)


def _delimiter(header: str) -> str | None:
    """Return what separates the columns: whatever makes a photo's and a caption's column of `header`."""
    for delimiter in _DELIMITERS:
        columns = _columns(header, delimiter)
        if any(name in columns for name in _FILE) and any(_is_caption(name) for name in columns):
            return delimiter
    return None


def _columns(header: str, delimiter: str) -> list[str]:
    return [name.strip().strip('"').strip().lower() for name in header.split(delimiter)]
