"""Files on disk and in object stores, by path or URI."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from showtell._util.files import open_regular, remove_leftovers, write_atomically
from showtell.errors import PhotoError, PhotoUnavailableError, ShowtellError
from showtell.vision.photo import MAX_BYTES, PHOTO_SUFFIXES

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

_STORES = ("s3", "gs")


def is_uri(place: str) -> bool:
    """Whether this is the URI of an object store, such as `s3://bucket/photos`, and no path."""
    return "://" in place


def absolute(place: str, folder: str = "") -> str:
    """A path, relative to a folder or else to this process's, for processes that have another; a URI as it is."""
    return place if is_uri(place) else os.path.abspath(os.path.join(folder, place))  # noqa: PTH100, PTH118


def read(place: str) -> bytes:
    """A file's bytes.

    Raises:
        ShowtellError: it cannot be read.
    """
    with opened(place) as file:
        return file.read()


@contextmanager
def opened(place: str) -> Iterator[IO[bytes]]:
    """A file to read anywhere in it.

    Raises:
        ShowtellError: it cannot be read.
    """
    with _errors(place, "read"):
        if is_uri(place):
            system, path = _system(place)
            with system.open_input_file(path) as file:
                yield file
        else:
            with open_regular(place) as file:
                yield file


def photo(place: str) -> Path | bytes:
    """A photo as `open_photo` takes it: its path, or the bytes that an object store has.

    Raises:
        PhotoError: it has more than `MAX_BYTES`.
        PhotoUnavailableError: the store does not give it.
    """
    if not is_uri(place):
        return Path(place)
    try:
        with opened(place) as file:
            if (size := file.seek(0, os.SEEK_END)) > MAX_BYTES:
                raise PhotoError(f"{place}: has {size:,} bytes, more than {MAX_BYTES:,}; save it smaller")
            file.seek(0)
            return file.read()
    except PhotoError:
        raise
    except ShowtellError as error:
        raise PhotoUnavailableError(str(error)) from error


def write(place: str, data: bytes) -> None:
    """Write a file, whole or not at all, and the folders that it needs.

    Raises:
        ShowtellError: it cannot be written.
    """
    with _errors(place, "written"):
        if not is_uri(place):
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(place, data)
            return
        system, path = _system(place)
        # a store shows an object when it is complete; a process that ends before leaves none
        with system.open_output_stream(path) as file:
            file.write(data)


def remove(place: str) -> None:
    """Remove a file, if it is there.

    Raises:
        ShowtellError: it cannot be removed.
    """
    with _errors(place, "removed"), suppress(FileNotFoundError):
        if is_uri(place):
            system, path = _system(place)
            system.delete_file(path)
        else:
            Path(place).unlink()


def names(folder: str) -> list[str]:
    """What lies in a folder, sorted; nothing if it does not exist. What killed runs had begun to write is removed.

    Raises:
        ShowtellError: it cannot be listed.
    """
    with _errors(folder, "listed"):
        if not is_uri(folder):
            remove_leftovers([Path(folder)])
            return sorted(path.name for path in Path(folder).iterdir()) if os.path.lexists(folder) else []
        from pyarrow.fs import FileSelector

        system, path = _system(folder)
        return sorted(info.base_name for info in system.get_file_info(FileSelector(path, allow_not_found=True)))


def find_photos(uri: str) -> list[str]:
    """The photos that a URI refers to, sorted: itself, those below it, or those that match its `*` and `[...]`.

    Raises:
        ShowtellError: there are none, or the store does not list them.
    """
    from pyarrow.fs import FileSelector, FileType

    with _errors(uri, "listed"):
        system, path = _system(uri)
        if system.get_file_info(path).type == FileType.File:
            return [uri]
        plain = re.split(r"[*[]", path)[0]
        top = path if plain == path else plain.rpartition("/")[0]
        infos = system.get_file_info(FileSelector(top, recursive=True, allow_not_found=True))
    scheme = uri.partition("://")[0]
    found = sorted(
        f"{scheme}://{info.path}"
        for info in infos
        if info.type == FileType.File
        and f".{info.extension.lower()}" in PHOTO_SUFFIXES
        and (top == path or fnmatchcase(info.path, path))
    )
    if not found:
        raise ShowtellError(f"{uri}: there are no photos; check the URI")
    return found


def _system(uri: str) -> tuple[FileSystem, str]:
    """The file system of a URI, and its path there: bucket and key as they are, without escapes."""
    scheme, _, path = uri.partition("://")
    if scheme not in _STORES:
        raise ShowtellError(f"{uri}: is in no object store that is known; use a path, s3:// or gs://")
    return _store(scheme, path.partition("/")[0]), path.rstrip("/")


@functools.cache
def _store(scheme: str, bucket: str) -> FileSystem:
    from pyarrow import ArrowException
    from pyarrow.fs import FileSystem

    root = f"{scheme}://{bucket}"
    endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL", ""))
    options = f"?scheme={endpoint.scheme}&endpoint_override={endpoint.netloc}" if endpoint.netloc else ""
    try:
        return FileSystem.from_uri(root + (options if scheme == "s3" else ""))[0]
    except (ArrowException, ValueError) as error:
        raise ShowtellError(f"{root}: cannot be opened ({_said(error)}); check the URI") from error


@contextmanager
def _errors(place: str, done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ShowtellError(f"{place}: cannot be {done} ({_said(error)}); check it and the access to it") from error


def _said(error: Exception) -> str:
    """What an error says, on one line; of the system's, its reason alone."""
    return getattr(error, "strerror", None) or " ".join(str(error).split())[:300]
