"""The photos that the command line names: files, folders, and paths from standard input."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from showtell.errors import ShowtellError

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class PhotoPaths:
    """The photos that paths refer to, searched for again on each call.

    Args:
        paths: photos as they are named, folders to search, and `-` for the paths on standard input.
        exclude: patterns, as of `files.list_files`.
        tell: called once with the error of each folder that cannot be read.
    """

    def __init__(self, paths: Sequence[str], exclude: Sequence[str], tell: Callable[[ShowtellError], None]) -> None:
        self._paths = [named for path in paths for named in (_from_stdin() if path == "-" else [path])]
        self._exclude, self._tell = exclude, tell
        self._told: set[str] = set()

    def photos(self) -> list[Path]:
        """The photos that exist now, and all that are named explicitly."""
        from showtell.vision.photo import list_photos

        found: list[Path] = []
        for path in self._paths:
            if os.path.isdir(path):  # noqa: PTH112 - a Path would raise where it may not look
                found += list_photos(path, exclude=self._exclude, unreadable=self._unreadable)
            else:
                found.append(Path(path))
        return found

    def _unreadable(self, error: ShowtellError) -> None:
        if str(error) not in self._told:
            self._told.add(str(error))
            self._tell(error)


def paths_of(data: bytes) -> list[str]:
    """The paths in a list: each ends with a NUL byte, as of `find -print0`, if there is one, and else with a line feed.

    They are bytes, as on disk. A byte order mark at the beginning is none of them; after it the list may be UTF-16.
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is not None:
        data = os.fsencode(data.decode(encoding, "surrogateescape" if encoding == "utf-8-sig" else "replace"))
    lines = data.split(b"\0") if b"\0" in data else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return [line.decode(sys.getfilesystemencoding(), "surrogateescape") for line in lines if line]


def _from_stdin() -> list[str]:
    return [] if sys.stdin is None else paths_of(sys.stdin.buffer.read())
