from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from conftest import PHOTOS
from showtell import __version__
from showtell.captioning.caption import Caption
from showtell.errors import PhotoError
from showtell.metadata.writer import CaptionWriter
from showtell.metadata.writing import Change
from showtell.metadata.xmp import PROPERTIES, Packet

CAT = Caption("A cat.", -1.0, (), 0.75)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return Path(shutil.copy(PHOTOS / "coffee.png", tmp_path / "cat.png"))


@pytest.mark.parametrize("target", ["xmp", "embed"])
def test_a_caption_is_written_with_its_origin(photo: Path, target) -> None:
    change = CaptionWriter(target, "model, encoder").write(photo, CAT, photo.stat())
    assert change.written == PROPERTIES
    assert change.file == (photo if target == "embed" else photo.with_name("cat.png.xmp"))
    if target == "xmp":
        packet = Packet.parse("cat.png.xmp", change.file.read_bytes())
        assert [packet.text(name) for name in PROPERTIES] == ["A cat."] * len(PROPERTIES)
        fields = packet.record()
        date = datetime.fromisoformat(fields.pop("Date"))
        assert date.tzinfo is not None
        assert fields == {
            "Caption": "A cat.",
            "Model": "model, encoder",
            "Version": __version__,
            "Confidence": "0.750",
        }


@pytest.mark.parametrize("target", ["xmp", "embed"])
def test_a_photo_that_was_changed_meanwhile_is_left(photo: Path, target) -> None:
    before = photo.stat()
    shutil.copy(PHOTOS / "chelsea.png", photo)
    with pytest.raises(PhotoError, match="was changed in the meantime"):
        CaptionWriter(target, "model").write(photo, CAT, before)
    assert [path.name for path in photo.parent.iterdir()] == ["cat.png"]


def test_a_photo_of_two_names_may_be_written_twice(photo: Path) -> None:
    (photo.parent / "link.png").symlink_to(photo.name)
    writer, before = CaptionWriter("embed", "model"), photo.stat()
    writer.write(photo, CAT, before)
    writer.write(photo.parent / "link.png", Caption("A cup.", -1.0, ()), before)
    with pytest.raises(PhotoError, match="was changed in the meantime"):
        CaptionWriter("embed", "model").write(photo, CAT, before)


def test_a_dry_run_writes_nothing(photo: Path) -> None:
    content = photo.read_bytes()
    change = CaptionWriter("embed", "model", dry_run=True).write(photo, CAT)
    assert change == Change(photo, PROPERTIES, {})
    assert photo.read_bytes() == content
