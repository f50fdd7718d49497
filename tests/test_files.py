from __future__ import annotations

import os
from pathlib import Path

import pytest

from showtell.errors import ShowtellError
from showtell.files import read_regular, write_atomically


def test_text_and_bytes(tmp_path: Path) -> None:
    write_atomically(tmp_path / "text", "größer\n")
    write_atomically(tmp_path / "bytes", b"\x00\xff")
    assert (tmp_path / "text").read_bytes() == "größer\n".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff"


def test_an_old_file_is_replaced_and_nothing_is_left_beside(tmp_path: Path) -> None:
    for data in (b"old", b"new and longer"):
        write_atomically(tmp_path / "file", data)
    assert (tmp_path / "file").read_bytes() == b"new and longer"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_what_breaks_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
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
def test_who_may_read_it_may_still(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o604)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o604


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\x00\xff")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link") == b"\x00\xff"
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "missing")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "pipe", "/dev/null"):
        with pytest.raises(ShowtellError, match="is not a regular file"):
            read_regular(name)
