from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import PHOTOS
from showtell.cli.photo_paths import PhotoPaths, paths_of
from showtell.errors import ShowtellError

CAT = PHOTOS / "chelsea.png"


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        (b"", []),
        (b"a.jpg\nb.jpg", ["a.jpg", "b.jpg"]),
        (b"a.jpg\r\n\r\nb.jpg\n", ["a.jpg", "b.jpg"]),
        (b"\xef\xbb\xbfa.jpg\nb.jpg\n", ["a.jpg", "b.jpg"]),
        ("\ufeffö.jpg\r\nb.jpg\r\n".encode("utf-16-le"), ["ö.jpg", "b.jpg"]),
        ("\ufeffö.jpg\nb.jpg".encode("utf-16-be"), ["ö.jpg", "b.jpg"]),
        (b"caf\xe9.jpg\n", ["caf\udce9.jpg"]),
        (b"\xef\xbb\xbfcaf\xe9.jpg\n", ["caf\udce9.jpg"]),
        ("ne\u2028xt\u0085\f\v\x1c.jpg\n".encode(), ["ne\u2028xt\u0085\f\v\x1c.jpg"]),
        (b"with\nline\r\n.jpg\0b.jpg\0", ["with\nline\r\n.jpg", "b.jpg"]),
    ],
)
def test_paths_in_a_list(data: bytes, paths: list[str]) -> None:
    assert paths_of(data) == paths


@given(
    st.lists(
        st.binary(min_size=1).filter(lambda name: b"\0" not in name and name[:2] not in (b"\xff\xfe", b"\xfe\xff"))
    )
)
def test_any_name_is_in_a_list_that_ends_with_nul(names: list[bytes]) -> None:
    data = b"".join(name + b"\0" for name in names)
    if not data.startswith(b"\xef\xbb\xbf"):
        assert [os.fsencode(path) for path in paths_of(data)] == names


def test_folders_are_searched_each_time(tmp_path: Path) -> None:
    told: list[ShowtellError] = []
    search = PhotoPaths([str(tmp_path), "named.jpg"], ["*.gif"], told.append)
    assert search.photos() == [Path("named.jpg")]
    for name in ("a.png", "b.gif", "@eaDir/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(CAT, tmp_path / name)
    assert search.photos() == [tmp_path / "a.png", Path("named.jpg")]
    assert not told


def test_a_folder_that_cannot_be_read_is_told_of_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    told: list[ShowtellError] = []
    search = PhotoPaths([str(tmp_path), "named.jpg"], [], told.append)
    for _ in range(2):
        assert search.photos() == [Path("named.jpg")]
    assert len(told) == 1
    assert "the folder cannot be read (Permission denied)" in str(told[0])


def test_paths_that_cannot_be_looked_at_are_photos() -> None:
    paths = ["a" * 5000, "a\udce9.jpg", "/proc/1/root/none.jpg"]
    assert PhotoPaths(paths, [], print).photos() == [Path(path) for path in paths]
