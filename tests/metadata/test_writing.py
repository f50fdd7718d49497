from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import PHOTOS
from showtell.errors import PhotoError
from showtell.metadata.record import Record, clean
from showtell.metadata.writing import Change, write_embedded, write_sidecar
from showtell.metadata.xmp import ALT_TEXT, DESCRIPTION, PROPERTIES, Packet

TITLED = PHOTOS / "stdlib_dust-bowl-home.jpg"  # its XMP has a description, a title, structures
RATED = PHOTOS / "chelsea.png"  # its XMP is of another program, and has no description

Write = Callable[..., Change]


@pytest.fixture(params=[write_sidecar, write_embedded])
def write(request: pytest.FixtureRequest) -> Write:
    return request.param


@pytest.fixture(params=["JPEG", "PNG", "WEBP"])
def photo(request: pytest.FixtureRequest, saved, tmp_path: Path) -> Path:
    """A photo of each of the formats, without words."""
    path = tmp_path / f"a.{request.param.lower()}"
    path.write_bytes(saved(request.param))
    return path


def packet_of(change: Change) -> Packet:
    data = change.file.read_bytes()
    if change.file.suffix != ".xmp":
        with Image.open(io.BytesIO(data)) as image:
            xmp = image.info.get("xmp") or image.info["XML:com.adobe.xmp"]
            data = xmp if isinstance(xmp, bytes) else xmp.encode()
    return Packet.parse(str(change.file), data)


def texts_of(change: Change) -> list[str]:
    return [packet_of(change).text(name) for name in PROPERTIES]


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_ino) for path in folder.iterdir()}


def sidecar_with(photo: Path, **texts: str) -> Path:
    """A sidecar that a person wrote."""
    packet = Packet("")
    for name, text in texts.items():
        packet.set_text({"alt": ALT_TEXT, "description": DESCRIPTION}[name], text)
    path = photo.with_name(f"{photo.name}.xmp")
    path.write_bytes(packet.to_bytes())
    return path


@pytest.mark.slow
def test_exiftool_reads_what_is_written(write: Write, photo: Path, record: Record, exiftool) -> None:
    change = write(photo, record)
    assert change == Change(change.file, PROPERTIES, {})
    fields = exiftool(change.file)
    assert "ExifTool:Warning" not in fields
    assert {name: value for name, value in fields.items() if name.startswith("XMP")} == {
        "XMP-iptcCore:AltTextAccessibility": "A dog runs.",
        "XMP-dc:Description": "A dog runs.",
        "XMP-showtell:Caption": "A dog runs.",
        "XMP-showtell:Model": "shipped, encoder e",
        "XMP-showtell:Version": "0.1.0",
        "XMP-showtell:Confidence": 0.25,
        "XMP-showtell:Date": "2026:01:02 03:04:05+01:00",
    }


@pytest.mark.parametrize("source", [TITLED, RATED])
@pytest.mark.slow
def test_exiftool_reads_what_was_there(write: Write, source: Path, record: Record, tmp_path: Path, exiftool) -> None:
    photo = Path(shutil.copy(source, tmp_path))
    before = {name: value for name, value in exiftool(photo).items() if name.startswith("XMP")}
    change = write_embedded(photo, record)
    assert change.written == ((ALT_TEXT,) if source == TITLED else PROPERTIES)
    after = exiftool(photo)
    assert before.items() <= after.items()
    assert after["XMP-iptcCore:AltTextAccessibility"] == "A dog runs."
    assert ("XMP-dc:Description" in before) == (source == TITLED)


@pytest.mark.slow
def test_exiftool_reads_any_text(photo: Path, record: Record, exiftool) -> None:
    text = '"It\'s" <b>a & b</b> ]]> &amp; 🐕\u2028ß\nand more'
    assert exiftool(write_embedded(photo, replace(record, caption=text)).file)["XMP-dc:Description"] == text


@given(text=st.text(st.characters(exclude_categories=())))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_any_text_comes_back(write: Write, photo: Path, record: Record, text: str) -> None:
    change = write(photo, replace(record, caption=text))
    if clean(text):
        assert texts_of(change) == [clean(text)] * 2
        assert not change.kept
    else:
        assert not change.written


def test_pixels_and_all_else_are_the_same(photo: Path, record: Record) -> None:
    before = photo.read_bytes()
    write_sidecar(photo, record)
    assert photo.read_bytes() == before
    write_embedded(photo, record)
    with Image.open(io.BytesIO(before)) as old, Image.open(photo) as new:
        assert new.tobytes() == old.tobytes()


def test_writing_is_idempotent(write: Write, photo: Path, record: Record) -> None:
    write(photo, record)
    before = snapshot(photo.parent)
    assert write(photo, replace(record, date="2027-01-02T03:04:05+01:00")).written == ()
    assert snapshot(photo.parent) == before


def test_own_caption_is_updated(write: Write, photo: Path, record: Record) -> None:
    write(photo, record)
    change = write(photo, replace(record, caption="A cat.", confidence=None))
    assert (change.written, change.kept) == (PROPERTIES, {})
    assert texts_of(change) == ["A cat.", "A cat."]
    assert packet_of(change).record()["Caption"] == "A cat."
    assert "Confidence" not in packet_of(change).record()


def test_own_caption_in_the_photo_is_not_human(photo: Path, record: Record) -> None:
    write_embedded(photo, record)
    assert write_sidecar(photo, replace(record, caption="A cat.")).written == PROPERTIES
    assert write_embedded(photo, replace(record, caption="A cow.")).written == PROPERTIES


def test_human_description_is_kept_and_the_other_property_is_written(photo: Path, record: Record) -> None:
    sidecar_with(photo, description="My dog.")
    for _ in range(2):
        change = write_sidecar(photo, record)
        assert change.kept == {DESCRIPTION: "My dog."}
        assert texts_of(change) == ["A dog runs.", "My dog."]
    change = write_sidecar(photo, record, overwrite=True)
    assert (change.written, change.kept) == (PROPERTIES, {})
    assert texts_of(change) == ["A dog runs.", "A dog runs."]


def test_nothing_is_written_if_all_is_human(photo: Path, record: Record) -> None:
    sidecar_with(photo, alt="My dog, running.", description="My dog.")
    before = snapshot(photo.parent)
    for write in (write_sidecar, write_embedded):
        assert write(photo, record).kept == {ALT_TEXT: "My dog, running.", DESCRIPTION: "My dog."}
    assert snapshot(photo.parent) == before


def test_edited_caption_counts_as_human(photo: Path, record: Record) -> None:
    change = write_embedded(photo, record)
    packet = packet_of(change)
    packet.set_text(ALT_TEXT, "My dog.")
    sidecar = photo.with_name(f"{photo.name}.xmp")
    sidecar.write_bytes(packet.to_bytes())
    change = write_sidecar(photo, replace(record, caption="A cat."))
    assert change.kept == {ALT_TEXT: "My dog."}
    assert texts_of(change) == ["My dog.", "A cat."]


def test_human_description_in_the_photo_is_not_hidden(record: Record, tmp_path: Path) -> None:
    photo = Path(shutil.copy(TITLED, tmp_path))
    change = write_sidecar(photo, record)
    assert change.kept.keys() == {DESCRIPTION}
    assert change.kept[DESCRIPTION].startswith("Abandoned Dust Bowl Home")
    assert texts_of(change) == ["A dog runs.", ""]
    assert texts_of(write_sidecar(photo, record, overwrite=True)) == ["A dog runs.", "A dog runs."]


def test_adobes_sidecar_is_updated(photo: Path, record: Record) -> None:
    adobe = sidecar_with(photo, description="My dog.").rename(photo.with_suffix(".xmp"))
    assert write_sidecar(photo, record).file == adobe
    assert {path.name for path in photo.parent.iterdir()} == {photo.name, "a.xmp"}


def test_two_photos_of_one_stem_have_a_sidecar_each(photo: Path, record: Record) -> None:
    (photo.parent / "a.bmp").write_bytes(photo.read_bytes())
    sidecar_with(photo, description="My dog.").rename(photo.with_suffix(".xmp"))
    change = write_sidecar(photo, record)
    assert change.file.name == f"{photo.name}.xmp"
    assert change.kept == {DESCRIPTION: "My dog."}


def test_a_dry_run_writes_nothing(write: Write, photo: Path, record: Record) -> None:
    before = snapshot(photo.parent)
    change = write(photo, record, dry_run=True)
    assert change.written == PROPERTIES
    assert snapshot(photo.parent) == before
    assert write(photo, record) == change


def test_modes_and_links_are_kept(write: Write, photo: Path, record: Record, tmp_path: Path) -> None:
    folder = tmp_path / "album"
    folder.mkdir()
    link = folder / photo.name
    link.symlink_to(photo)
    sidecar_with(link).chmod(0o600)
    photo.chmod(0o604)
    change = write(link, record)
    assert link.is_symlink()
    assert change.file.parent == folder
    assert stat.S_IMODE(change.file.stat().st_mode) == (0o600 if write is write_sidecar else 0o604)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("damage", [b"", b"<x", b'<!DOCTYPE x SYSTEM "y"><x/>', b"<x/>"])
def test_a_damaged_sidecar_is_left_as_it_is(write: Write, photo: Path, record: Record, damage: bytes) -> None:
    sidecar = photo.with_name(f"{photo.name}.xmp")
    sidecar.write_bytes(damage)
    before = snapshot(photo.parent)
    with pytest.raises(PhotoError, match=rf"{sidecar.name}: its XMP"):
        write(photo, record)
    assert snapshot(photo.parent) == before


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_a_damaged_packet_is_left_as_it_is(write: Write, record: Record, saved, format: str, tmp_path: Path) -> None:
    photo = tmp_path / "a.photo"
    photo.write_bytes(saved(format, xmp=b"<x:xmpmeta>"))
    before = snapshot(tmp_path)
    with pytest.raises(PhotoError, match=r"a\.photo: its XMP is damaged"):
        write(photo, record)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("format", ["TIFF", "BMP", "GIF"])
def test_other_formats_have_a_sidecar(saved, record: Record, format: str, tmp_path: Path) -> None:
    photo = tmp_path / "a.photo"
    photo.write_bytes(saved(format))
    with pytest.raises(PhotoError, match=r"a\.photo: XMP is embedded in JPEG, PNG and WebP only; .*--write xmp"):
        write_embedded(photo, record)
    assert texts_of(write_sidecar(photo, record)) == ["A dog runs.", "A dog runs."]


def test_a_file_that_cannot_be_written_is_an_error(
    write: Write, photo: Path, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("showtell.metadata.writing.write_atomically", full)
    with pytest.raises(PhotoError, match=r"cannot be read or written \(No space left on device\)"):
        write(photo, record)
    with pytest.raises(PhotoError, match=r"missing\.jpg: .*No such file"):
        write(photo.with_name("missing.jpg"), record)
    with pytest.raises(PhotoError, match="File name too long"):
        write(photo.with_name(f"{'a' * 300}.jpg"), record)


@pytest.mark.slow
def test_a_description_by_exiftool_is_kept(photo: Path, record: Record, exiftool) -> None:
    subprocess.run(
        ["exiftool", "-q", "-overwrite_original", "-XMP-dc:Description-de=Mein Hund", "-XMP:Rating=4", photo],
        check=True,
    )
    change = write_embedded(photo, record)
    assert change.written == (ALT_TEXT,)
    assert change.kept == {DESCRIPTION: "Mein Hund"}
    write_embedded(photo, record, overwrite=True)
    fields = exiftool(photo)
    assert fields["XMP-dc:Description"] == "A dog runs."
    assert fields["XMP-dc:Description-de"] == "Mein Hund"
    assert fields["XMP-xmp:Rating"] == 4


@pytest.mark.slow
def test_exiftool_may_write_after_us(write: Write, photo: Path, record: Record, exiftool) -> None:
    change = write(photo, record)
    subprocess.run(["exiftool", "-q", "-overwrite_original", "-XMP:Rating=4", change.file], check=True)
    change = write(photo, replace(record, caption="A cat."))
    assert (change.written, change.kept) == (PROPERTIES, {})
    fields = exiftool(change.file)
    assert (fields["XMP-dc:Description"], fields["XMP-xmp:Rating"]) == ("A cat.", 4)


def test_concurrently_changed_file_is_left_alone(write: Write, photo: Path, record: Record) -> None:
    before = photo.stat()
    photo.write_bytes(photo.read_bytes() + b"!")
    files = snapshot(photo.parent)
    with pytest.raises(PhotoError, match="was changed in the meantime, and left as it is; run the command again"):
        write(photo, record, of=before)
    assert snapshot(photo.parent) == files
    assert write(photo, record, of=photo.stat()).status is not None


@pytest.mark.skipif(os.name == "nt", reason="of POSIX alone")
def test_lossy_embedding_is_refused(photo: Path, record: Record) -> None:
    photo.chmod(0o444)
    before = snapshot(photo.parent)
    with pytest.raises(PhotoError, match=r"is write-protected, and left as it is; .*--write xmp"):
        write_embedded(photo, record)
    photo.chmod(0o644)
    os.link(photo, photo.with_name("other"))
    with pytest.raises(PhotoError, match=r"has 2 names, .*, and left as it is; .*--write xmp"):
        write_embedded(photo, record)
    photo.with_name("other").unlink()
    assert snapshot(photo.parent) == before
    assert write_embedded(photo, record).written


def test_an_embedded_photo_keeps_its_times(photo: Path, record: Record) -> None:
    os.utime(photo, ns=(10**18, 10**18 + 5))
    change = write_embedded(photo, record)
    assert change.status is not None
    assert photo.stat().st_mtime_ns == change.status.st_mtime_ns == 10**18 + 5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("name", ["{0.name}.xmp", "{0.stem}.xmp", "{0.name}.XMP"])
def test_a_pipe_is_no_sidecar(write: Write, photo: Path, record: Record, name: str) -> None:
    os.mkfifo(photo.with_name(name.format(photo)))
    with pytest.raises(PhotoError, match=r"its XMP cannot be read or written \(.* is not a regular file\)"):
        write(photo, record)


def test_names_as_long_as_they_can_be(write: Write, saved, record: Record, tmp_path: Path) -> None:
    photo = tmp_path / ("n" * 251 + ".jpg")
    photo.write_bytes(saved("JPEG"))
    assert texts_of(write(photo, record)) == ["A dog runs.", "A dog runs."]
