from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from showtell.errors import ShowtellError
from showtell.manifest import Manifest


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    (tmp_path / "dög.jpg").write_bytes(b"a dog")
    return tmp_path / "dög.jpg"


def done(path: Path, photo: Path, by: str = "me") -> Manifest:
    manifest = Manifest(path, by)
    assert not manifest.is_done(photo)
    manifest.add(photo, {"file": str(photo), "caption": "A dog."})
    return manifest


def test_what_is_done_is_remembered(tmp_path: Path, photo: Path) -> None:
    path = tmp_path / "done.jsonl"
    assert done(path, photo).is_done(photo)
    assert Manifest(path, "me").is_done(photo)
    assert not Manifest(path, "another").is_done(photo)
    entry = json.loads(path.read_text(encoding="utf-8"))
    assert entry["file"] == str(photo)
    assert entry["caption"] == "A dog."
    assert entry["by"] == "me"


def test_a_changed_photo_is_not_done(tmp_path: Path, photo: Path) -> None:
    path = tmp_path / "done.jsonl"
    done(path, photo)
    os.utime(photo, ns=(0, 0))
    manifest = Manifest(path, "me")
    assert not manifest.is_done(photo)
    manifest.add(photo, {"file": str(photo)})
    assert Manifest(path, "me").is_done(photo)
    photo.write_bytes(b"another dog")
    os.utime(photo, ns=(0, 0))
    assert not Manifest(path, "me").is_done(photo)
    photo.unlink()
    assert not Manifest(path, "me").is_done(photo)


def test_the_version_is_that_which_was_asked_about(tmp_path: Path, photo: Path) -> None:
    manifest = Manifest(None, "me")
    for rewritten in (False, True):
        assert not manifest.is_done(photo)
        photo.write_bytes(photo.read_bytes() + b"!")
        manifest.add(photo, {"file": str(photo)}, rewritten=photo.stat() if rewritten else None)
        assert manifest.is_done(photo) == rewritten


def test_a_photo_is_settled_when_it_stays_as_it_is(photo: Path) -> None:
    manifest = Manifest(None, "me")
    assert not manifest.is_settled(photo)
    manifest.is_done(photo)
    assert manifest.is_settled(photo)
    photo.write_bytes(b"more of a dog")
    assert not manifest.is_settled(photo)
    photo.unlink()
    assert not manifest.is_settled(photo)


def test_a_line_that_was_cut_off_counts_for_nothing(tmp_path: Path, photo: Path) -> None:
    path = tmp_path / "done.jsonl"
    done(path, photo)
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole + whole[:cut])
        assert Manifest(path, "me").is_done(photo)
        assert path.read_bytes() == whole
        path.write_bytes(whole[:cut])
        assert not Manifest(path, "me").is_done(photo)


@pytest.mark.parametrize("content", [b"no json\n", b"[]\n", b"{}\n", b"\xff\n"])
def test_another_file_is_no_manifest_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    with pytest.raises(ShowtellError, match="no manifest"):
        Manifest(path, "me")
    assert path.read_bytes() == content


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, photo: Path) -> None:
    with pytest.raises(ShowtellError, match="cannot read"):
        Manifest(tmp_path, "me")
    with pytest.raises(ShowtellError, match="cannot write"):
        done(tmp_path / "no folder" / "done.jsonl", photo)
