"""What is captioned already, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from showtell.errors import ShowtellError

_Version = tuple[int, int]


class Manifest:
    """A file of JSON lines, one for each photo that is done: which version of it, by whom, and what came of it.

    A photo is done if a line tells of its size and time of change, and of the same captioner. A line that was cut off,
    as the process was killed, counts for nothing.

    Args:
        path: the file, made when the first photo is done; None to remember for the life of the process only.
        by: what makes the captions what they are: the captioner and its settings.

    Raises:
        ShowtellError: the file cannot be read, or is no manifest.
    """

    def __init__(self, path: Path | None, by: str) -> None:
        self.path, self.by = path, by
        self._done: dict[str, _Version] = {}
        self._seen: dict[str, _Version] = {}
        if path is not None and path.exists():
            self._read(path)

    def is_done(self, photo: Path) -> bool:
        """Whether the photo is done as it is now; one that is not there is not."""
        version = _version(photo)
        if version is None:
            return False
        self._seen[str(photo)] = version
        return self._done.get(str(photo)) == version

    def is_settled(self, photo: Path) -> bool:
        """Whether the photo is as it was when `is_done` was last asked about it: not one that is being written."""
        return self._seen.get(str(photo)) == _version(photo) is not None

    def add(self, photo: Path, outcome: Mapping[str, Any], *, rewritten: bool = False, lasting: bool = True) -> None:
        """Remember that a photo is done, in the version that `is_done` was asked about.

        Args:
            photo: the photo.
            outcome: what came of it, ready for JSON, with its path as `file`.
            rewritten: it has been changed since, by the one who captions it: the version is then that of now.
            lasting: whether the file is to tell of it, so that it is not tried again by the next process either.

        Raises:
            ShowtellError: the file cannot be written.
        """
        version = _version(photo) if rewritten else self._seen.get(str(photo))
        if version is None:  # it is gone
            return
        self._done[str(photo)] = version
        if self.path is None or not lasting:
            return
        line = json.dumps({"size": version[0], "changed": version[1], "by": self.by, **outcome}, ensure_ascii=False)
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise ShowtellError(f"cannot write the manifest {self.path}: {error.strerror}") from error

    def _read(self, path: Path) -> None:
        try:
            data = path.read_bytes()
            whole = data.rfind(b"\n") + 1
            for line in data[:whole].splitlines():
                entry = json.loads(line)
                if entry["by"] == self.by:
                    self._done[entry["file"]] = (entry["size"], entry["changed"])
            if whole < len(data):
                os.truncate(path, whole)
        except OSError as error:
            raise ShowtellError(f"cannot read the manifest {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ShowtellError(f"{path} is no manifest of showtell's ({error!r}); name another file") from error


def _version(photo: Path) -> _Version | None:
    try:
        status = photo.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
