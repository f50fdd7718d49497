"""The photos of a source, cut into parts that are captioned one by one, on whatever machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from showtell.cluster.storage import absolute, find_photos, is_uri, opened, read
from showtell.errors import ShowtellError

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

NAMES = ("file", "image", "filename", "file_name", "photo", "path")
"""Columns of a table that may name a photo."""
_CONTENT = "bytes"
# A part is a whole number of the batches that a captioner searches together, and at most so many photos
_BATCH = 64
_MOST = 4096
# Parts that a source has at least, if it has enough photos: so many processors have work to the end
_PARTS = 256


@dataclass(frozen=True)
class Part:
    """Photos `start` to `stop` - 1 of a source.

    Attributes:
        start: the first one's number.
        stop: the last one's number, plus 1.
        named: paths or URIs, as they were given; none if `table` holds the photos.
        table: the Parquet file that does.
        row: where in it the first photo is.
    """

    start: int
    stop: int
    named: tuple[str, ...] = ()
    table: str = ""
    row: int = 0

    def photos(self) -> Iterator[tuple[str, str | bytes]]:
        """The name of each photo, and its path, URI or bytes.

        Raises:
            ShowtellError: the table cannot be read.
        """
        if self.table:
            yield from _rows(self.table, self.row, self.stop - self.start)
        else:
            yield from ((name, name) for name in self.named)


@dataclass(frozen=True)
class Source:
    """The parts of a source.

    Attributes:
        parts: in the order of the photos.
        identity: of the list of photos: the same photos in the same order have the same.
    """

    parts: tuple[Part, ...]
    identity: str

    @property
    def photos(self) -> int:
        """How many photos there are."""
        return self.parts[-1].stop if self.parts else 0


def find_source(places: Sequence[str], find_local: Callable[[str], Sequence[Path]]) -> Source:
    """The photos that places refer to, in this order: folders, photos, and tables (`.parquet`, `.jsonl`).

    A table has a column of paths (`file`, `image`, `filename`, `file_name`, `photo` or `path`; relative ones are
    relative to the table), or of photos' `bytes`. A Parquet file is read by those who caption its photos; of all
    others, the names are held in memory here.

    Args:
        places: paths and URIs.
        find_local: the photos that a path refers to that is none of a table.

    Raises:
        ShowtellError: a table or a store cannot be read, or a table has no such column.
    """
    pieces: list[Part] = []
    digest, total = hashlib.sha256(), 0
    for place in places:
        if place.lower().endswith(".parquet"):
            table = absolute(place)
            rows, size = _size(table)
            digest.update(json.dumps([table, rows, size]).encode())
            piece = Part(total, total + rows, table=table)
        else:
            found = _named(place, find_local)
            digest.update(json.dumps(found).encode())
            piece = Part(total, total + len(found), named=tuple(found))
        pieces.append(piece)
        total = piece.stop
    size = min(_MOST, -(-total // (_PARTS * _BATCH)) * _BATCH)
    return Source(tuple(part for piece in pieces for part in _cut(piece, size)), digest.hexdigest())


def _cut(piece: Part, size: int) -> Iterator[Part]:
    for start in range(piece.start, piece.stop, size):
        stop, skipped = min(start + size, piece.stop), start - piece.start
        named = piece.named[skipped : stop - piece.start]
        yield replace(piece, start=start, stop=stop, named=named, row=skipped)


def _named(place: str, find_local: Callable[[str], Sequence[Path]]) -> list[str]:
    if place.lower().endswith(".jsonl"):
        return list(_names_in(place))
    return find_photos(place) if is_uri(place) else [str(path) for path in find_local(place)]


def _names_in(table: str) -> Iterator[str]:
    """The photos that the lines of a table name."""
    for number, line in enumerate(read(table).splitlines(), 1):
        try:
            entry = json.loads(line)
            yield _beside(table, next(entry[name] for name in NAMES if isinstance(entry.get(name), str)))
        except (ValueError, AttributeError, StopIteration, RecursionError) as error:
            raise ShowtellError(f"{table}:{number}: names no photo; expected a JSON object with {_choice()}") from error


def _size(table: str) -> tuple[int, int]:
    """How many photos a Parquet file has, and how many bytes of columns."""
    with _opened(table) as file:
        _columns(table, file)
        groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
        return file.metadata.num_rows, sum(group.total_byte_size for group in groups)


def _rows(table: str, first: int, count: int) -> Iterator[tuple[str, str | bytes]]:
    with _opened(table) as file:
        name, content = _columns(table, file)
        last = first + count
        at, groups = 0, []
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if at < last and at + rows > first:
                groups.append((at, group))
            at += rows
        at = groups[0][0] if groups else 0
        for batch in file.iter_batches(256, [group for _, group in groups], [c for c in (name, content) if c]):
            begin, end = max(first, at), min(last, at + len(batch))
            if begin < end:
                for number, row in enumerate(batch.slice(begin - at, end - begin).to_pylist(), begin):
                    yield _photo_of(table, number, row, name, content)
            at += len(batch)


def _photo_of(
    table: str, number: int, row: dict[str, Any], name: str | None, content: str | None
) -> tuple[str, str | bytes]:
    named = row[name] if name else None
    shown = named or f"{table}#{number}"
    if content:
        return shown, row[content] or b""
    return shown, _beside(table, named) if named else b""


def _columns(table: str, file: ParquetFile) -> tuple[str | None, str | None]:
    """The columns of the photos' names and of their bytes."""
    from pyarrow import types

    schema = file.schema_arrow
    texts = [field.name for field in schema if types.is_string(field.type) or types.is_large_string(field.type)]
    binary = [field.name for field in schema if types.is_binary(field.type) or types.is_large_binary(field.type)]
    name = next((column for column in NAMES if column in texts), None)
    content = _CONTENT if _CONTENT in binary else None
    if name is None and content is None:
        raise ShowtellError(f"{table}: has the columns {', '.join(schema.names)}; expected {_choice()}, or {_CONTENT}")
    return name, content


@contextmanager
def _opened(table: str) -> Iterator[ParquetFile]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with opened(table) as file, ParquetFile(file) as found:
            yield found
    except (ArrowException, OSError) as error:
        raise ShowtellError(f"{table}: is no Parquet file, or a damaged one; make it anew") from error


def _beside(table: str, name: str) -> str:
    """A photo's path or URI, as seen from its table."""
    if is_uri(name) or Path(name).is_absolute():
        return name
    return f"{table.rpartition('/')[0]}/{name}" if is_uri(table) else str(Path(table).parent / name)


def _choice() -> str:
    return f"one of {', '.join(NAMES)}"
