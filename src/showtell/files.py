"""Files that are either the old one or the complete new one, whatever happens in between."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Collection
from pathlib import Path

from showtell.errors import ShowtellError


def write_atomically(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Replace the file at `path` by `data` (text as UTF-8): write beside it, fsync, rename.

    A reader, or a run that is killed at any moment, finds the old file or the new one, never a part. Who may read and
    write the old file may do so with the new one.

    Raises:
        OSError: the folder cannot be written to; the old file is untouched.
    """
    target = Path(path)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with beside.open("xb") as file:
            if target.exists():
                shutil.copymode(target, beside)
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    _fsync_folder(target.parent)


def read_regular(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a regular file: reading a pipe or a device might never end.

    Raises:
        ShowtellError: it is no regular file.
        OSError: it cannot be read.
    """
    # a pipe that nobody writes to is opened at once
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ShowtellError(f"{os.fsdecode(path)}: is not a regular file; copy it into one")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(handle)


def list_files(top: Path, suffixes: Collection[str], error: type[ShowtellError]) -> list[Path]:
    """The files below a folder with one of these suffixes, in lower case, sorted; a file gives itself.

    Files and folders whose name begins with a dot are skipped, links to folders are not followed.

    Raises:
        ShowtellError: an `error`: there is no such file or folder, or a folder cannot be read.
    """

    def unreadable(problem: OSError) -> None:
        raise error(f"{problem.filename}: the folder cannot be read ({problem.strerror})") from problem

    if not top.exists():
        raise error(f"{top}: no such file or folder; check the path")
    if not top.is_dir():
        return [top]
    files = []
    for folder, subfolders, names in os.walk(top, onerror=unreadable):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        files += [Path(folder, name) for name in names if not name.startswith(".")]
    return sorted(file for file in files if file.suffix.lower() in suffixes)


def _fsync_folder(folder: Path) -> None:
    """Make the rename itself durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
