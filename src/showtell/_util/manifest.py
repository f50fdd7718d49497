"""A record of captioned photos, so that an interrupted run can resume."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from showtell._util.console import json_line
from showtell._util.files import read_regular
from showtell.errors import ShowtellError

_Version = tuple[int, int]

# How a line of a manifest begins: recognizes a truncated line
_BEGINNING = b'{"size": 0, "changed": 0, "by": "'


class Manifest:
    """A JSON Lines file with one line per finished photo: its version, the settings, and the outcome.

    A photo is done if there is a line with its current size and modification time and the same captioner. An incomplete
    last line, left by a killed process, is ignored.

    Args:
        path: the file, created with the first entry; None to remember in memory only.
        by: what the captions depend on: the captioner and its settings.

    Raises:
        ShowtellError: the file cannot be read, is no manifest, or is in a folder that is not there.
    """

    def __init__(self, path: Path | None, by: str) -> None:
        self.path, self.by = path, by
        self._done: dict[str, _Version] = {}
        self._errors: dict[str, str] = {}
        self._seen: dict[str, _Version] = {}
        if path is not None and os.path.lexists(path):
            self._read(path)
        elif path is not None and not path.parent.is_dir():
            raise ShowtellError(f"cannot write the manifest {path}: there is no folder {path.parent}; make it")

    def is_done(self, photo: Path) -> bool:
        """Whether the current version of the photo is done; False if it does not exist."""
        version = _version(photo)
        if version is None:
            return False
        self._seen[str(photo)] = version
        return self._done.get(str(photo)) == version

    def error(self, photo: Path) -> str | None:
        """The error of a photo that is done, if there was one."""
        return self._errors.get(str(photo))

    def is_settled(self, photo: Path) -> bool:
        """Whether the photo has not changed since the last call of `is_done`: it is not being written."""
        return self._seen.get(str(photo)) == _version(photo) is not None

    def add(
        self,
        photo: Path,
        outcome: Mapping[str, Any],
        *,
        rewritten: os.stat_result | None = None,
        lasting: bool = True,
    ) -> None:
        """Record that a photo is done, in the version that the last call of `is_done` saw.

        Args:
            photo: the photo.
            outcome: its JSON fields, with its path as `file`, and an `error` if there is one.
            rewritten: status of the photo after the caption was embedded in it.
            lasting: whether to write it to the file, so that the next run does not retry the photo either.

        Raises:
            ShowtellError: the file cannot be written.
        """
        version = self._seen.get(str(photo)) if rewritten is None else (rewritten.st_size, rewritten.st_mtime_ns)
        if version is None:  # the photo no longer exists
            return
        self._done[str(photo)] = version
        if self.path is None or not lasting:
            return
        line = json_line({"size": version[0], "changed": version[1], "by": self.by, **outcome})
        try:
            with self.path.open("ab") as file:
                file.write(line.encode() + b"\n")
        except OSError as error:
            raise ShowtellError(f"cannot write the manifest {self.path}: {error.strerror}") from error

    def _read(self, path: Path) -> None:
        try:
            data = read_regular(path)
            whole = data.rfind(b"\n") + 1
            for line in data[:whole].split(b"\n")[:-1]:
                self._take(json.loads(line))
            rest = data[whole:]
            if rest and not _is_cut_off(rest):
                raise ValueError("it does not end as one")
            if rest:
                os.truncate(path, whole)
        except OSError as error:
            raise ShowtellError(f"cannot read the manifest {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            why = f"a line lacks {error}" if isinstance(error, KeyError) else error
            raise ShowtellError(f"{path} is no manifest of showtell's ({why}); name another file") from error

    def _take(self, entry: Any) -> None:
        """Take over a line."""
        _check(entry)
        if entry["by"] == self.by:
            file = entry["file"]
            self._done[file] = (entry["size"], entry["changed"])
            self._errors.pop(file, None)
            if isinstance(error := entry.get("error"), str):
                self._errors[file] = error


def _check(entry: Any) -> None:
    """Raise ValueError, KeyError or TypeError if this is not a valid line."""
    texts, numbers = (entry["file"], entry["by"]), (entry["size"], entry["changed"])
    if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in numbers):
        raise TypeError("a line with other fields")


def _is_cut_off(rest: bytes) -> bool:
    """Whether this is a truncated line of a manifest, and not the end of some other file."""
    beginning = re.sub(rb"-?\d+", b"0", rest[: 2 * len(_BEGINNING)])[: len(_BEGINNING)]
    if not _BEGINNING.startswith(beginning):
        return False
    try:
        entry = json.loads(rest)
    except ValueError:
        return True
    _check(entry)
    return True


def _version(photo: Path) -> _Version | None:
    try:
        status = photo.stat()
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns
