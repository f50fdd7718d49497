"""What is captioned already, so that a run that was stopped goes on where it was."""

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

# What a line begins with, numbers aside: only what begins so was cut off, and not written by somebody else.
_BEGINNING = b'{"size": 0, "changed": 0, "by": "'


class Manifest:
    """A file of JSON lines, one for each photo that is done: which version of it, by whom, and what came of it.

    A photo is done if a line tells of its size and time of change, and of the same captioner. A line that was cut off,
    as the process was killed, counts for nothing.

    Args:
        path: the file, made when the first photo is done; None to remember for the life of the process only.
        by: what makes the captions what they are: the captioner and its settings.

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
        """Whether the photo is done as it is now; one that is not there is not."""
        version = _version(photo)
        if version is None:
            return False
        self._seen[str(photo)] = version
        return self._done.get(str(photo)) == version

    def error(self, photo: Path) -> str | None:
        """What was wrong with a photo that is done, if anything was."""
        return self._errors.get(str(photo))

    def is_settled(self, photo: Path) -> bool:
        """Whether the photo is as it was when `is_done` was last asked about it: not one that is being written."""
        return self._seen.get(str(photo)) == _version(photo) is not None

    def add(
        self,
        photo: Path,
        outcome: Mapping[str, Any],
        *,
        rewritten: os.stat_result | None = None,
        lasting: bool = True,
    ) -> None:
        """Remember that a photo is done, in the version that `is_done` was asked about.

        Args:
            photo: the photo.
            outcome: what came of it, ready for JSON, with its path as `file`, and an `error` if there is one.
            rewritten: the photo as it became when the caption was written into it.
            lasting: whether the file is to tell of it, so that it is not tried again by the next process either.

        Raises:
            ShowtellError: the file cannot be written.
        """
        version = self._seen.get(str(photo)) if rewritten is None else (rewritten.st_size, rewritten.st_mtime_ns)
        if version is None:  # it is gone
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
            raise ShowtellError(f"{path} is no manifest of showtell's ({error!r}); name another file") from error

    def _take(self, entry: Any) -> None:
        """Remember what a line tells."""
        _check(entry)
        if entry["by"] == self.by:
            file = entry["file"]
            self._done[file] = (entry["size"], entry["changed"])
            self._errors.pop(file, None)
            if isinstance(error := entry.get("error"), str):
                self._errors[file] = error


def _check(entry: Any) -> None:
    """Raise ValueError, KeyError or TypeError for what is no line of a manifest."""
    texts, numbers = (entry["file"], entry["by"]), (entry["size"], entry["changed"])
    if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in numbers):
        raise TypeError("a line with other fields")


def _is_cut_off(rest: bytes) -> bool:
    """Whether this is the beginning of a line, and not a file of somebody's without a line end."""
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
