"""File operations: reading regular files only, finding files, writing atomically, locking."""

from __future__ import annotations

import errno
import fnmatch
import os
import secrets
import stat
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO

from showtell.errors import ShowtellError

SYSTEM_FOLDERS = (
    "@eaDir",
    "@Recently-Snapshot",
    "@Recycle",
    "@__thumb",
    "@tmp",
    "#recycle",
    "#snapshot",
    "$RECYCLE.BIN",
    "RECYCLER",
    "RECYCLED",
    "System Volume Information",
    "lost+found",
    "FOUND.[0-9][0-9][0-9]",
    "__MACOSX",
    "Network Trash Folder",
    "Temporary Items",
)
"""Folders created by network drives, trash cans and operating systems, which hold no user files; in any case."""

_SYSTEM_FOLDERS = tuple(name.casefold() for name in SYSTEM_FOLDERS)
# Not derived from the final name, which may already have the maximum length
_PART_NAME = ".showtell-{}.part"
_LOCK_OFFSET = 2**31 - 2
# Bytes at the start and end of a file by which its kind is recognized
_HEAD_BYTES = 2**16
_FLAGS = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class NotRegularError(OSError):
    """A pipe, device or socket was found where a regular file was expected."""


class NotReplacedError(OSError):
    """A file is not replaced, because something would be lost; `strerror` says what, such as `is write-protected`."""


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a regular file, or the target of a link, for reading; never blocks on a pipe.

    Raises:
        IsADirectoryError, NotRegularError: it is none.
        OSError: it cannot be opened.
    """
    _check_regular(path, Path(path).stat().st_mode)
    file = os.fdopen(os.open(path, os.O_RDONLY | _FLAGS | getattr(os, "O_NONBLOCK", 0)), "rb")
    try:
        _check_regular(path, os.fstat(file.fileno()).st_mode)
    except OSError:
        file.close()
        raise
    return file


def read_regular(path: str | os.PathLike[str]) -> bytes:
    """All bytes of a regular file.

    Raises:
        OSError: as of `open_regular`, or it cannot be read.
    """
    with open_regular(path) as file:
        return file.read()


def write_atomically(
    path: str | os.PathLike[str],
    data: bytes | str,
    *,
    of: os.stat_result | None = None,
    keep_times: bool = False,
) -> os.stat_result | None:
    """Replace the file at `path` by `data` (text as UTF-8): write beside it, fsync, rename.

    At any moment, even if this process is killed, `path` is the old or the new file, never a part of it. The new file
    gets the owner, permissions, access list and extended attributes of the old one. If `path` is a link, its target
    is replaced. Pipes, terminals and devices such as /dev/null are written to directly.

    Args:
        path: the file.
        data: the new content.
        of: status of the file from which `data` was made; the file must not have changed since.
        keep_times: whether to keep the modification and access times of the old file.

    Returns:
        Status of the new file; None if `path` is not a regular file.

    Raises:
        NotReplacedError: the file is write-protected or has changed since `of`, or its hard links, owner, permissions
            or attributes would be lost. It is unchanged.
        OSError: the file cannot be written. It is unchanged, and the error names `path`.
    """
    content = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
    try:
        if _is_stream(path):
            _write_stream(path, content)
            return None
        return _replace(Path(os.path.realpath(path)), content, of, keep_times)
    except OSError as error:
        if error.strerror:  # name the final file in the error, not the temporary one
            error.filename, error.filename2 = os.fspath(path), None
        raise


def same_version(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether two statuses are of the same, unchanged file, as far as the file system knows."""
    return all(
        getattr(one, field) == getattr(other, field)
        for field in ("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns")
    )


def check_output(
    path: str | os.PathLike[str],
    inputs: Iterable[str | os.PathLike[str]] = (),
    *,
    ours: Callable[[bytes, bytes], bool] | None = None,
) -> None:
    """Check before the work that an output file can be written without losing anything.

    What killed runs left in its folder is removed.

    Args:
        path: what will be written.
        inputs: the input files, which must not be overwritten.
        ours: called with the first and last bytes of an existing file; whether it may be replaced. Default: always.

    Raises:
        ShowtellError: it cannot be written, or something would be lost.
    """
    for given in inputs:
        if _is_same_file(path, given):
            raise ShowtellError(f"{path}: is an input file, {given}; name another file")
    try:
        if _is_stream(path):
            return
        target = Path(os.path.realpath(path))
        folder, old = target.parent, _status(target)
        if not folder.is_dir():
            raise ShowtellError(f"{path}: there is no folder {Path(path).parent}; make it, or name another file")
        if old is not None:
            _check_replaceable(target, old)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "no permission to write into its folder")
        if old is not None and old.st_size and ours is not None:
            with open_regular(target) as file:
                head = file.read(_HEAD_BYTES)
                file.seek(max(0, old.st_size - _HEAD_BYTES))
                if not ours(head, file.read()):
                    raise NotReplacedError(errno.EEXIST, "exists and was not made by showtell")
    except NotReplacedError as error:
        raise ShowtellError(f"{path}: {error.strerror}; name another file") from error
    except OSError as error:
        raise ShowtellError(f"{path}: cannot be written ({error.strerror}); name another file") from error
    remove_leftovers([folder])


def check_folder(path: str | os.PathLike[str], name: str) -> None:
    """Find out before the work whether a folder is there, or can be made, to write into.

    Args:
        path: the folder.
        name: how it is given on the command line, such as `--run`.

    Raises:
        ShowtellError: it is a file, or may not be written into.
    """
    folder = Path(path)
    there = next(above for above in (folder, *folder.absolute().parents) if os.path.lexists(above))
    if not there.is_dir():
        raise ShowtellError(f"{there}: is no folder; name another one with {name}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ShowtellError(f"{there}: no permission to write into this folder; name another one with {name}")


def remove_leftovers(folders: Iterable[Path]) -> None:
    """Remove temporary files of killed runs from these folders, but not those that another run is writing."""
    for folder in folders:
        for part in folder.glob(_PART_NAME.format("*")):
            with suppress(OSError):
                with part.open("ab") as file:
                    left = lock(file)
                if left:
                    part.unlink()


def lock(file: IO[bytes]) -> bool:
    """Try to lock a file exclusively; closing it, or the end of the process, releases the lock.

    On file systems without locks (some network drives) this always succeeds.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            at = file.tell()
            file.seek(_LOCK_OFFSET)  # locked bytes cannot be read by others
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            finally:
                file.seek(at)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        return error.errno in (errno.ENOLCK, errno.ENOTSUP)
    return True


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, which is created if necessary.

    Raises:
        ShowtellError: another process holds the lock, or the file cannot be opened for appending.
    """
    try:
        file = path.open("ab")
    except OSError as error:
        raise ShowtellError(f"{path}: cannot be written ({error.strerror}); name another file") from error
    with file:
        if not lock(file):
            raise ShowtellError(f"{path}: is in use by another showtell; wait for it, or name another file")
        yield


def list_files(
    top: Path,
    suffixes: Collection[str],
    error: type[ShowtellError],
    *,
    exclude: Collection[str] = (),
    unreadable: Callable[[ShowtellError], None] | None = None,
) -> list[Path]:
    """The files below a folder with one of these suffixes, in lower case, sorted; a file gives itself.

    Files and folders whose name begins with a dot are skipped, and so are `SYSTEM_FOLDERS`; links to folders are not
    followed. Entries that vanish during the search are ignored.

    Args:
        top: the folder, whatever its name.
        suffixes: of the files to find.
        error: the exception class to raise.
        exclude: patterns, as of a shell, of further files and folders: of their names, or of the way to them from
            `top`.
        unreadable: what to do with the error of a folder that cannot be read, instead of raising it.

    Raises:
        ShowtellError: an `error`: there is no such file or folder, or a folder cannot be read.
    """
    # Path.exists would raise PermissionError
    if not os.path.exists(top):  # noqa: PTH110
        raise error(f"{top}: no such file or folder; check the path")
    if not os.path.isdir(top):  # noqa: PTH112
        return [top]
    files = []
    folders = [(os.fspath(top), "")]
    while folders:
        folder, way = folders.pop()
        try:
            with os.scandir(folder) as entries:
                found = list(entries)
        except OSError as problem:
            if way and isinstance(problem, (FileNotFoundError, NotADirectoryError)):
                continue
            told = error(f"{folder}: the folder cannot be read ({problem.strerror}); change its permissions")
            if unreadable is None:
                raise told from problem
            unreadable(told)
            continue
        for entry in found:
            names = (entry.name, way + entry.name)
            if entry.name.startswith(".") or _matches(names, exclude):
                continue
            if _is_folder(entry):
                if not entry.is_symlink() and not _matches([entry.name.casefold()], _SYSTEM_FOLDERS):
                    folders.append((entry.path, f"{names[1]}/"))
            elif os.path.splitext(entry.name)[1].lower() in suffixes:  # noqa: PTH122 - a Path for each is slow
                files.append(Path(entry.path))
    return sorted(files)


def _matches(names: Collection[str], patterns: Collection[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in names)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link whose target is not accessible
        return False


def _check_regular(path: str | os.PathLike[str], mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder", os.fspath(path))
    if not stat.S_ISREG(mode):
        raise NotRegularError(errno.EINVAL, "is not a regular file", os.fspath(path))


def _is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is a pipe, a device, or this process's own standard output or error."""
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        return False
    return stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode) or _own_output(status) is not None


def _own_output(status: os.stat_result) -> int | None:
    """Which of this process's output descriptors refers to this file, if any."""
    for descriptor in (1, 2):
        with suppress(OSError):
            if os.path.samestat(status, os.fstat(descriptor)):
                return descriptor
    return None


def _write_stream(path: str | os.PathLike[str], data: bytes) -> None:
    own = _own_output(os.stat(path))  # noqa: PTH116
    if own is not None and sys.stdout is not None:
        sys.stdout.flush()
    with os.fdopen(os.open(path, os.O_WRONLY | _FLAGS) if own is None else os.dup(own), "wb") as file:
        file.write(data)


def _check_replaceable(target: Path, old: os.stat_result) -> None:
    _check_regular(target, old.st_mode)
    if old.st_nlink > 1:
        raise NotReplacedError(errno.EMLINK, f"has {old.st_nlink} names, hard links that would be separated")
    if not os.access(target, os.W_OK):
        raise NotReplacedError(errno.EACCES, "is write-protected")


def _replace(target: Path, data: bytes, of: os.stat_result | None, keep_times: bool) -> os.stat_result:
    old = _status(target)
    if old is not None:
        _check_replaceable(target, old)
    part = target.with_name(_PART_NAME.format(secrets.token_hex(8)))
    try:
        # a file with restricted permissions must not be readable by others in the meantime
        mode = 0o666 if old is None else 0o600
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, mode), "wb") as file:
            lock(file)
            file.write(data)
            file.flush()
            if old is not None:
                _take_over(target, old, part, file.fileno())
            os.fsync(file.fileno())
        if old is not None and keep_times:
            os.utime(part, ns=(old.st_atime_ns, old.st_mtime_ns))
        if of is not None and ((now := _status(target)) is None or not same_version(now, of)):
            raise NotReplacedError(errno.EBUSY, "was changed in the meantime")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    _fsync_folder(target.parent)
    return target.stat()


def _take_over(target: Path, old: os.stat_result, part: Path, descriptor: int) -> None:
    """Give a new file the owner, the permissions, the access list and the extended attributes of the old one."""
    if os.name == "nt":
        part.chmod(stat.S_IMODE(old.st_mode))
        return
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(descriptor, old.st_uid, old.st_gid)
        except PermissionError as error:
            raise NotReplacedError(errno.EPERM, "has an owner or group that cannot be kept") from error
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
    if hasattr(os, "listxattr"):
        before, there = _attributes(target), _attributes(descriptor)
        for name in there.keys() - before.keys():  # inherited from the folder's default access list
            os.removexattr(descriptor, name)
        for name, value in before.items():
            if there.get(name) != value:
                try:
                    os.setxattr(descriptor, name, value)
                except OSError as error:
                    raise NotReplacedError(error.errno, f"has an attribute, {name}, that cannot be kept") from error


def _attributes(file: Path | int) -> dict[str, bytes]:
    """The extended attributes of a file, among them its access list; none where the disk has none."""
    try:
        return {name: os.getxattr(file, name) for name in os.listxattr(file)}
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS):
            return {}
        raise


def _fsync_folder(folder: Path) -> None:
    """Make the rename itself durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
