from __future__ import annotations

import os
import stat
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from showtell._util import files
from showtell._util.files import (
    NotRegularError,
    NotReplacedError,
    check_folder,
    check_output,
    exclusive,
    list_files,
    lock,
    open_regular,
    read_regular,
    remove_leftovers,
    same_version,
    write_atomically,
)
from showtell.errors import PhotoError, ShowtellError

SOURCES = str(Path(files.__file__).parents[2])
posix = pytest.mark.skipif(os.name == "nt", reason="of POSIX alone")


def test_text_and_bytes(tmp_path: Path) -> None:
    write_atomically(tmp_path / "text", "größer\n")
    write_atomically(tmp_path / "bytes", b"\x00\xff")
    assert (tmp_path / "text").read_bytes() == "größer\n".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff"


def test_file_is_replaced_without_leftovers(tmp_path: Path) -> None:
    for data in (b"old", b"new and longer"):
        write_atomically(tmp_path / "file", data)
    assert (tmp_path / "file").read_bytes() == b"new and longer"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    write_atomically(tmp_path / "file", b"old")

    def fail(*args: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(*((os, "fsync") if broken == "fsync" else (Path, "replace")), fail)
    with pytest.raises(OSError, match="no space"):
        write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "no" / "file", b"data")


@pytest.mark.skipif(os.name == "nt", reason="Windows knows only whether a file may be written")
def test_permissions_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o604)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o604


def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".jpg")
    write_atomically(path, b"data")
    assert path.read_bytes() == b"data"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_names_the_file_that_is_meant(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as caught:
        write_atomically(tmp_path / "no" / "file", b"data")
    assert caught.value.filename == str(tmp_path / "no" / "file")


def test_text_that_utf8_cannot_hold_is_escaped(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", "caf\udce9 \ud83d")
    assert (tmp_path / "file").read_bytes() == rb"caf\udce9 \ud83d"


@posix
def test_links_stay_and_what_they_lead_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real/file")
    (tmp_path / "further").symlink_to("real/new")
    for name, target in (("link", "file"), ("further", "new")):
        write_atomically(tmp_path / name, b"new")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "real" / target).read_bytes() == b"new"
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(OSError, match=r"symbolic links|circle"):
        write_atomically(tmp_path / "circle", b"new")
    assert (tmp_path / "circle").is_symlink()


@posix
def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(pipe.read_bytes)
        assert write_atomically(pipe, b"data") is None
        assert reader.result(10) == b"data"
    assert pipe.is_fifo()
    write_atomically(os.devnull, b"data")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@posix
def test_writing_to_own_stdout_appends(tmp_path: Path) -> None:
    program = (
        "from showtell._util.files import write_atomically as w; "
        "print('before'); w('/dev/stdout', 'data\\n'); print('after')"
    )
    with (tmp_path / "out").open("wb") as out:
        subprocess.run(
            [sys.executable, "-c", program], stdout=out, check=True, env=os.environ | {"PYTHONPATH": SOURCES}
        )
    assert (tmp_path / "out").read_text() == "before\ndata\nafter\n"


@posix
def test_hard_links_are_not_separated(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"old")
    os.link(tmp_path / "one", tmp_path / "two")
    with pytest.raises(NotReplacedError, match="has 2 names"):
        write_atomically(tmp_path / "one", b"new")
    assert (tmp_path / "one").read_bytes() == b"old"
    assert (tmp_path / "one").samefile(tmp_path / "two")
    assert len(list(tmp_path.iterdir())) == 2


@posix
def test_owner_and_group_stay_or_the_file_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    given: list[tuple[int, int]] = []
    foreign = os.stat_result([*path.stat()[:4], 1234, 1235, *path.stat()[6:]])
    monkeypatch.setattr(files, "_status", lambda _: foreign)
    monkeypatch.setattr(os, "fchown", lambda _, owner, group: given.append((owner, group)))
    write_atomically(path, b"new")
    assert given == [(1234, 1235)]

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refuse)
    with pytest.raises(NotReplacedError, match="owner or group that cannot be kept"):
        write_atomically(path, b"newer")
    assert path.read_bytes() == b"new"


def has_attributes(folder: Path) -> bool:
    try:
        os.setxattr(folder, "user.test", b"1")
        os.removexattr(folder, "user.test")
    except (AttributeError, OSError):
        return False
    return True


def access_list(user: int) -> bytes:
    """An access list: the owner reads and writes, another user reads, the group and all others may do nothing."""
    entries = [
        (0x01, 6, 0xFFFFFFFF),
        (0x02, 4, user),
        (0x04, 0, 0xFFFFFFFF),
        (0x10, 4, 0xFFFFFFFF),
        (0x20, 0, 0xFFFFFFFF),
    ]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def test_attributes_and_access_lists_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_attributes(tmp_path):
        pytest.skip("the disk has no extended attributes")
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o600)
    os.setxattr(path, "user.xdg.tags", b"holiday")
    os.setxattr(path, "system.posix_acl_access", access_list(65534))
    before = {name: os.getxattr(path, name) for name in os.listxattr(path)}, path.stat().st_mode
    write_atomically(path, b"new")
    assert ({name: os.getxattr(path, name) for name in os.listxattr(path)}, path.stat().st_mode) == before

    os.setxattr(tmp_path, "system.posix_acl_default", access_list(65533))  # for what is made in the folder
    plain = tmp_path / "plain"
    plain.write_bytes(b"old")
    os.removexattr(plain, "system.posix_acl_access")
    write_atomically(plain, b"new")
    assert os.listxattr(plain) == []

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setxattr", refuse)
    with pytest.raises(NotReplacedError, match=r"has an attribute, .*, that cannot be kept"):
        write_atomically(path, b"newer")
    assert path.read_bytes() == b"new"


def test_concurrently_changed_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    before = path.stat()
    after = write_atomically(path, b"new", of=before, keep_times=True)
    assert after is not None
    assert (path.read_bytes(), after.st_mtime_ns) == (b"new", before.st_mtime_ns)
    assert same_version(after, path.stat())
    with pytest.raises(NotReplacedError, match="was changed in the meantime"):
        write_atomically(path, b"newer", of=before)
    path.unlink()
    with pytest.raises(NotReplacedError, match="was changed in the meantime"):
        write_atomically(path, b"newer", of=after)
    assert list(tmp_path.iterdir()) == []


@posix
def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(NotRegularError, match="is not a regular file"):
            open_regular(tmp_path / name)
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    (tmp_path / "file").write_bytes(b"data")
    assert read_regular(tmp_path / "file") == b"data"


def test_an_output_is_checked_before_the_work(tmp_path: Path) -> None:
    given = tmp_path / "given.json"
    given.write_text("{}")
    check_output(tmp_path / "new", [given])
    check_output(given)
    with pytest.raises(ShowtellError, match=r"new: there is no folder .*none; make it"):
        check_output(tmp_path / "none" / "new")
    with pytest.raises(ShowtellError, match="cannot be written"):
        check_output(tmp_path)
    with pytest.raises(ShowtellError, match="cannot be written"):
        check_output(tmp_path / ("n" * 300))
    with pytest.raises(ShowtellError, match="is an input file"):
        check_output(tmp_path / "." / "given.json", [given])
    check_output(given, ours=lambda head, tail: head == tail == b"{}")
    with pytest.raises(ShowtellError, match="exists and was not made by showtell"):
        check_output(given, ours=lambda head, tail: False)
    assert [path.name for path in tmp_path.iterdir()] == ["given.json"]


@posix
def test_output_may_be_a_link_or_pipe_but_no_input(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("{}")
    (tmp_path / "link").symlink_to("given")
    os.link(tmp_path / "given", tmp_path / "hard")
    for name in ("link", "hard"):
        with pytest.raises(ShowtellError, match="is an input file"):
            check_output(tmp_path / name, [tmp_path / "given"])
    os.mkfifo(tmp_path / "pipe")
    check_output(tmp_path / "pipe", ours=lambda head, tail: False)
    check_output(os.devnull)


def test_leftovers_are_removed_but_not_files_being_written(tmp_path: Path) -> None:
    left, mine, held = (tmp_path / name for name in (".showtell-1.part", "photo.part", ".showtell-2.part"))
    for path in (left, mine, held):
        path.write_bytes(b"half")
    with held.open("ab") as file:
        assert lock(file)
        remove_leftovers([tmp_path])
        assert sorted(path.name for path in tmp_path.iterdir()) == [".showtell-2.part", "photo.part"]


def test_the_folder_of_an_output_is_cleaned_before_the_work(tmp_path: Path) -> None:
    (tmp_path / ".showtell-1.part").write_bytes(b"half")
    check_output(tmp_path / "captions.jsonl")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("way", ["file", "file/run", "file/runs/run"])
def test_a_folder_below_a_file_is_told(tmp_path: Path, way: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ShowtellError, match=r"file: is no folder; name another one with --run"):
        check_folder(tmp_path / way, "--run")
    check_folder(tmp_path / "runs" / "run", "--run")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_into_is_told(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir(mode=0o500)
    with pytest.raises(ShowtellError, match=r"kept: no permission to write into this folder; name another one with"):
        check_folder(tmp_path / "kept" / "run", "--run")


def test_lock_is_exclusive(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for _ in range(2):
        with exclusive(path), pytest.raises(ShowtellError, match="is in use by another showtell"), exclusive(path):
            pass
    with pytest.raises(ShowtellError, match="cannot be written"), exclusive(tmp_path):
        pass


def listed(top: Path, **options: object) -> list[str]:
    return [file.relative_to(top).as_posix() for file in list_files(top, {".jpg"}, PhotoError, **options)]


def test_system_folders_are_skipped(tmp_path: Path) -> None:
    for name in (
        "a.jpg",
        "@eaDir/b.jpg/c.jpg",
        "#recycle/d.jpg",
        "$Recycle.Bin/e.jpg",
        ".Trash-1000/f.jpg",
        "x/LOST+FOUND/g.jpg",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert listed(tmp_path) == ["a.jpg"]
    assert listed(tmp_path / "#recycle") == ["d.jpg"]


def test_patterns_leave_out_more(tmp_path: Path) -> None:
    for name in ("a.jpg", "raw/b.jpg", "2024/raw/c.jpg", "2024/d_small.jpg", "2024/e.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert listed(tmp_path, exclude=["raw"]) == ["2024/d_small.jpg", "2024/e.jpg", "a.jpg"]
    assert listed(tmp_path, exclude=["2024/raw", "*_small.*"]) == ["2024/e.jpg", "a.jpg", "raw/b.jpg"]
    assert listed(tmp_path, exclude=["2024/*"]) == ["a.jpg", "raw/b.jpg"]


def test_folders_that_cannot_be_read_or_vanish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.jpg", "shut/b.jpg", "gone/c.jpg", "d/e.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    scan = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied")
        if Path(path).name == "gone":
            raise FileNotFoundError(2, "No such file or directory")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    told: list[ShowtellError] = []
    assert listed(tmp_path, unreadable=told.append) == ["a.jpg", "d/e.jpg"]
    assert [str(error) for error in told] == [
        f"{tmp_path / 'shut'}: the folder cannot be read (Permission denied); change its permissions"
    ]
    with pytest.raises(PhotoError, match="shut: the folder cannot be read"):
        listed(tmp_path)


@posix
def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "loop.jpg").symlink_to(".")
    (tmp_path / "circle.jpg").symlink_to("circle.jpg")
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    assert listed(tmp_path) == ["a.jpg", "b.jpg", "circle.jpg"]
