"""Reading files of a data set: paths, text, JSON."""

from __future__ import annotations

import gzip
import io
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path

from showtell._util.files import open_regular, read_regular
from showtell.errors import DatasetError

_MAX_UNPACKED = 2**30
# Characters of a first line that are looked at
_FIRST = 10_000


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path without `.` and `..`; links are followed later, as the user laid them."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def read_text(path: Path) -> str:
    """Return a file's text: UTF-8, with or without a byte-order mark, its line ends as they are.

    Raises:
        DatasetError: it cannot be read, or is not UTF-8 (named with its line).
    """
    return _decode(path, _bytes(path))


def first_line(path: Path) -> str:
    """Return the first line of a text file, the beginning of a long one; nothing of what is no text or no file."""
    try:
        with open_regular(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
            return text.readline(_FIRST)
    except (OSError, UnicodeDecodeError):
        return ""


def read_packed_text(path: Path) -> str:
    """Return the text of a file that gzip packed, as `read_text` does.

    Raises:
        DatasetError: it cannot be read, is damaged, unpacks to more than 1 GiB, or is not UTF-8.
    """
    try:
        with open_regular(path) as packed, gzip.open(packed) as file:
            data = file.read(_MAX_UNPACKED + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DatasetError(f"{path}: not gzip, or cut off ({error}); copy it again from its source") from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
    if len(data) > _MAX_UNPACKED:
        raise DatasetError(f"{path}: unpacks to more than {_MAX_UNPACKED:,} bytes; give fewer captions")
    return _decode(path, data)


def read_json(path: Path, object_hook: Callable[[dict[str, object]], object] | None = None) -> object:
    """Return what is in a JSON file; `object_hook` may make less of each object while it is read.

    Raises:
        DatasetError: it cannot be read, or is not JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text, object_hook=object_hook)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: not JSON ({error}); is it complete?") from error


def _bytes(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error


def _decode(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise DatasetError(f"{path}:{line}: byte {byte:#04x} is not UTF-8; save the file as UTF-8") from error
