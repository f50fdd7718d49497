from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from showtell._util.manifest import Manifest
from showtell.errors import ShowtellError


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    (tmp_path / "dög.jpg").write_bytes(b"a dog")
    return tmp_path / "dög.jpg"


def done(path: Path, photo: Path, by: str = "me") -> Manifest:
    manifest = Manifest(path, by)
    assert not manifest.is_done(photo)
    manifest.add(photo, {"file": str(photo), "caption": "A dog."})
    return manifest


def test_finished_photos_are_remembered(tmp_path: Path, photo: Path) -> None:
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


def test_recorded_version_is_that_of_is_done(tmp_path: Path, photo: Path) -> None:
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


def test_truncated_line_is_ignored(tmp_path: Path, photo: Path) -> None:
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


@pytest.mark.parametrize(
    "content",
    [
        b'{"annotations": [{"id": 1}]}',
        b'{"size": 3, "albums": ["2019"]}',
        b'{"size": 3, "changed": 4, "by": "me"}',
        b'{"size": 3, "changed": 4, "by": "me", "file": 5}\n',
        b'{"size": true, "changed": 4, "by": "me", "file": "a.jpg"}\n',
        b'{"size": 3, "changed": 4, "by": "another"}\n',
        b"[" * 100_000 + b"\n",
        b'{"size": ' + b"9" * 5000 + b"}\n",
        b"a letter without a line end",
        b"\x89PNG\r\n\x1a\n\0\0\0",
    ],
)
def test_foreign_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter"
    path.write_bytes(content)
    with pytest.raises(ShowtellError, match="is no manifest of showtell's"):
        Manifest(path, "me")
    assert path.read_bytes() == content


def test_a_name_may_be_any_bytes(tmp_path: Path) -> None:
    photo = tmp_path / os.fsdecode(b"caf\xe9\n\xff.jpg")
    try:
        photo.write_bytes(b"a dog")
    except OSError:
        pytest.skip("the file system has no such names")
    done(tmp_path / "done.jsonl", photo)
    assert Manifest(tmp_path / "done.jsonl", "me").is_done(photo)
    assert json.loads((tmp_path / "done.jsonl").read_bytes())["file"] == str(photo)


def test_errors_are_remembered(tmp_path: Path, photo: Path) -> None:
    path = tmp_path / "done.jsonl"
    manifest = Manifest(path, "me")
    manifest.is_done(photo)
    manifest.add(photo, {"file": str(photo), "error": "it is broken"})
    assert Manifest(path, "me").error(photo) == "it is broken"
    manifest.add(photo, {"file": str(photo), "caption": "A dog."})
    assert Manifest(path, "me").error(photo) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_no_manifest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ShowtellError, match="not a regular file"):
        Manifest(tmp_path / "pipe", "me")
