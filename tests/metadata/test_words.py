from __future__ import annotations

import io

import pytest
from PIL import Image, PngImagePlugin

from showtell.errors import PhotoError
from showtell.metadata.words import Words
from showtell.metadata.xmp import ALT_TEXT, DESCRIPTION, Packet


def packet(text: str, ours: str = "") -> Packet:
    new = Packet("a.xmp")
    new.set_text(ALT_TEXT, text)
    if ours:
        new.set_record({"Caption": ours})
    return new


def described(text: str) -> Image.Exif:
    fields = Image.Exif()
    fields[0x010E] = text
    return fields


def words_of(data: bytes) -> Words:
    words = Words()
    words.add_photo("a.jpg", data)
    return words


def iptc(text: bytes) -> bytes:
    """An APP13 segment with a caption, as Photoshop writes it."""
    field = b"\x1c\x02\x78" + len(text).to_bytes(2, "big") + text
    block = b"8BIM\x04\x04\0\0" + len(field).to_bytes(4, "big") + field + bytes(len(field) % 2)
    payload = b"Photoshop 3.0\0" + block
    return b"\xff\xed" + (len(payload) + 2).to_bytes(2, "big") + payload


def test_ours_are_no_persons() -> None:
    words = Words()
    words.add(packet("A dog."))
    assert words.of_people(ALT_TEXT) == "A dog."
    assert words.of_people(DESCRIPTION) == ""
    words.add(packet("A cat.", ours="A dog."))
    assert words.of_people(ALT_TEXT) == "A cat."
    words.add(packet("", ours="A cat."))
    assert words.of_people(ALT_TEXT) == ""


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "PNG", "TIFF"])
def test_exif(saved, format: str) -> None:
    words = words_of(saved(format, exif=described("My dog.")))
    assert words.of_people(DESCRIPTION) == "My dog."
    assert words.of_people(ALT_TEXT) == ""
    assert words_of(saved(format, exif=described("  "))).of_people(DESCRIPTION) == ""


def test_iptc(saved) -> None:
    data = saved("JPEG")
    assert (
        words_of(data[:2] + iptc("Mein süßer Hund.".encode()) + data[2:]).of_people(DESCRIPTION) == "Mein süßer Hund."
    )


def test_a_text_of_png(saved) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Description", "My dog.")
    assert words_of(saved("PNG", pnginfo=texts)).of_people(DESCRIPTION) == "My dog."


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "TIFF"])
def test_the_photos_own_xmp(saved, format: str) -> None:
    xmp = packet("My dog.").to_bytes()
    data = saved(format, tiffinfo={700: xmp}) if format == "TIFF" else saved(format, xmp=xmp)
    assert words_of(data).of_people(ALT_TEXT) == "My dog."
    with pytest.raises(PhotoError, match=r"a\.jpg: its XMP is damaged"):
        words_of(saved(format, tiffinfo={700: b"<x>"}) if format == "TIFF" else saved(format, xmp=b"<x>"))


def test_heic() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "HEIF", xmp=packet("My dog.").to_bytes())
    assert words_of(file.getvalue()).of_people(ALT_TEXT) == "My dog."


def test_damaged_fields_say_nothing(saved) -> None:
    assert words_of(saved("JPEG", exif=b"Exif\0\0II*\0nonsense")).of_people(DESCRIPTION) == ""
    assert words_of(b"no photo").of_people(DESCRIPTION) == ""
