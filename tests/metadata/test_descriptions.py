from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from showtell.errors import PhotoError
from showtell.metadata.descriptions import ExistingDescriptions
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


def descriptions_of(data: bytes) -> ExistingDescriptions:
    existing = ExistingDescriptions()
    existing.add_photo("a.jpg", data)
    return existing


def iptc(text: bytes) -> bytes:
    """An APP13 segment with a caption, as Photoshop writes it."""
    field = b"\x1c\x02\x78" + len(text).to_bytes(2, "big") + text
    block = b"8BIM\x04\x04\0\0" + len(field).to_bytes(4, "big") + field + bytes(len(field) % 2)
    payload = b"Photoshop 3.0\0" + block
    return b"\xff\xed" + (len(payload) + 2).to_bytes(2, "big") + payload


def test_own_captions_are_not_by_people() -> None:
    existing = ExistingDescriptions()
    existing.add(packet("A dog."))
    assert existing.by_people(ALT_TEXT) == "A dog."
    assert existing.by_people(DESCRIPTION) == ""
    existing.add(packet("A cat.", ours="A dog."))
    assert existing.by_people(ALT_TEXT) == "A cat."
    existing.add(packet("", ours="A cat."))
    assert existing.by_people(ALT_TEXT) == ""


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "PNG", "TIFF"])
def test_exif(saved, format: str) -> None:
    existing = descriptions_of(saved(format, exif=described("My dog.")))
    assert existing.by_people(DESCRIPTION) == "My dog."
    assert existing.by_people(ALT_TEXT) == ""
    assert descriptions_of(saved(format, exif=described("  "))).by_people(DESCRIPTION) == ""


def test_iptc(saved) -> None:
    data = saved("JPEG")
    assert (
        descriptions_of(data[:2] + iptc("Mein süßer Hund.".encode()) + data[2:]).by_people(DESCRIPTION)
        == "Mein süßer Hund."
    )


def test_a_text_of_png(saved) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Description", "My dog.")
    assert descriptions_of(saved("PNG", pnginfo=texts)).by_people(DESCRIPTION) == "My dog."


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "PNG", "TIFF"])
def test_further_fields_of_exif(saved, format: str) -> None:
    fields = Image.Exif()
    fields[0x9C9C] = "My dog.".encode("utf-16-le")
    assert descriptions_of(saved(format, exif=fields)).by_people(DESCRIPTION) == "My dog."
    fields = Image.Exif()
    fields[0x010F] = "A camera"
    fields.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0My cat."
    if format != "TIFF":  # which Pillow writes without it
        assert descriptions_of(saved(format, exif=fields)).by_people(DESCRIPTION) == "My cat."


def test_iptc_in_tiff_and_in_two_segments_of_jpeg(saved) -> None:
    field = b"\x1c\x02\x78\0\x07My dog."
    assert descriptions_of(saved("TIFF", tiffinfo={33723: field})).by_people(DESCRIPTION) == "My dog."
    data = saved("TIFF", tiffinfo={33723: field})
    entry = data.index(struct.pack("<HHI", 33723, 7, len(field)))
    numbers = data[:entry] + struct.pack("<HHI", 33723, 4, len(field) // 4) + data[entry + 8 :]
    assert descriptions_of(numbers).by_people(DESCRIPTION) == "My dog."
    data, head = saved("JPEG"), b"Photoshop 3.0\0"
    parts = [head + b"8BIM\x04\x04\0\0\0\0\0\x0c" + field[:6], head + field[6:]]
    segments = [b"\xff\xed" + (len(part) + 2).to_bytes(2, "big") + part for part in parts]
    assert descriptions_of(data[:2] + b"".join(segments) + data[2:]).by_people(DESCRIPTION) == "My dog."


def test_comments(saved) -> None:
    data = saved("JPEG", comment=b"My dog.")
    assert descriptions_of(data).by_people(DESCRIPTION) == "My dog."
    other = b"\xff\xfe\0\x13Created with GIMP"
    assert descriptions_of(data[:2] + other + data[2:]).by_people(DESCRIPTION) == "My dog."
    assert descriptions_of(saved("GIF", comment=b"My dog.")).by_people(DESCRIPTION) == "My dog."
    assert descriptions_of(saved("GIF", comment=b"My dog.")).by_people(ALT_TEXT) == ""


def png_text(kind: bytes, payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "big") + kind + payload + zlib.crc32(kind + payload).to_bytes(4, "big")


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize(
    "chunk",
    [
        png_text(b"tEXt", b"Description\0My dog."),
        png_text(b"tEXt", b"comment\0My dog."),
        png_text(b"zTXt", b"Comment\0\0" + zlib.compress(b"My dog.")),
        png_text(b"iTXt", b"Description\0\0\0en\0\0My dog."),
        png_text(b"iTXt", b"Description\0\1\0\0\0" + zlib.compress(b"My dog.")),
        png_text(b"eXIf", described("My dog.").tobytes()[6:]),
        png_text(b"tEXt", b"Raw profile type iptc\0\niptc\n12\n" + b"\x1c\x02\x78\0\x07My dog.".hex().encode()),
        png_text(b"tEXt", b"Raw profile type exif\0\nexif\n9\n" + described("My dog.").tobytes().hex().encode()),
    ],
)
def test_texts_of_png_before_and_behind_the_pixels(saved, chunk: bytes, behind: bool) -> None:
    data = saved("PNG")
    at = len(data) - 12 if behind else 33
    damaged = png_text(b"zTXt", b"Comment\0\0nonsense")
    assert descriptions_of(data[:at] + damaged + chunk + data[at:]).by_people(DESCRIPTION) == "My dog."


@pytest.mark.parametrize(
    "body",
    [
        '<tiff:ImageDescription xmlns:tiff="http://ns.adobe.com/tiff/1.0/">My dog.</tiff:ImageDescription>',
        '<exif:UserComment xmlns:exif="http://ns.adobe.com/exif/1.0/" rdf:value="My dog."/>',
        '<a:notes xmlns:a="http://ns.acdsee.com/iptc/1.0/">My dog.</a:notes>',
        '<a:caption xmlns:a="http://ns.acdsee.com/iptc/1.0/">My dog.</a:caption>',
    ],
)
def test_further_descriptions_in_xmp(body: str) -> None:
    rdf = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    existing = ExistingDescriptions()
    existing.add(Packet.parse("a.xmp", f"<rdf:RDF {rdf}><rdf:Description>{body}</rdf:Description></rdf:RDF>".encode()))
    assert existing.by_people(DESCRIPTION) == "My dog."


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "TIFF"])
def test_xmp_in_the_photo_is_read(saved, format: str) -> None:
    xmp = packet("My dog.").to_bytes()
    data = saved(format, tiffinfo={700: xmp}) if format == "TIFF" else saved(format, xmp=xmp)
    assert descriptions_of(data).by_people(ALT_TEXT) == "My dog."
    with pytest.raises(PhotoError, match=r"a\.jpg: its XMP is damaged"):
        descriptions_of(saved(format, tiffinfo={700: b"<x>"}) if format == "TIFF" else saved(format, xmp=b"<x>"))


def test_heic() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "HEIF", xmp=packet("My dog.").to_bytes())
    assert descriptions_of(file.getvalue()).by_people(ALT_TEXT) == "My dog."


def test_damaged_fields_say_nothing(saved) -> None:
    assert descriptions_of(saved("JPEG", exif=b"Exif\0\0II*\0nonsense")).by_people(DESCRIPTION) == ""
    assert descriptions_of(b"no photo").by_people(DESCRIPTION) == ""
