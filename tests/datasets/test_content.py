from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from showtell.datasets.content import content_keys


def test_a_copy_has_the_key_of_its_original(tmp_path: Path, write_photos: Callable[..., list[Path]]) -> None:
    one, other = write_photos(tmp_path, "one.png", "other.png")
    copy = tmp_path / "copy.png"
    copy.write_bytes(one.read_bytes())
    keys, unreadable = content_keys([one, other, copy])
    assert keys[one] == keys[copy] != keys[other]
    assert not unreadable


def test_unreadable_photo_has_no_key_but_a_problem(tmp_path: Path) -> None:
    absent = tmp_path / "absent.png"
    keys, unreadable = content_keys([absent])
    assert not keys
    assert unreadable == {absent: f"{absent}: cannot be read (No such file or directory)"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    assert content_keys([pipe]) == ({}, {pipe: f"{pipe}: cannot be read (is not a regular file)"})
