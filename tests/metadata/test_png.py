from __future__ import annotations

import io
import zlib

import pytest
from PIL import Image, PngImagePlugin

from showtell.errors import PhotoError
from showtell.metadata import png

KEYWORD = b"XML:com.adobe.xmp\0"


def chunk(kind: bytes, payload: bytes) -> bytes:
    body = kind + payload
    return len(payload).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def xmp(packet: bytes, compressed: bool = False) -> bytes:
    rest = b"\1\0\0\0" + zlib.compress(packet) if compressed else b"\0\0\0\0" + packet
    return chunk(b"iTXt", KEYWORD + rest)


def before(kind: bytes, data: bytes, added: bytes) -> bytes:
    """A PNG with a chunk more, before the first of a kind."""
    start = data.index(kind) - 4
    return data[:start] + added + data[start:]


@pytest.fixture
def photo(saved, profile: bytes) -> bytes:
    """A PNG with a text, a colour profile, and data after its end."""
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("Title", "a title")
    return saved("PNG", "RGBA", pnginfo=texts, icc_profile=profile) + b"more after the end"


def test_it_is_put_in_before_the_pixels_and_nothing_else_changes(photo: bytes) -> None:
    assert png.packets("a.png", photo) == []
    written = png.embed("a.png", photo, b"<x/>")
    assert written == before(b"IDAT", photo, xmp(b"<x/>"))
    assert png.packets("a.png", written) == [b"<x/>"]
    with Image.open(io.BytesIO(photo)) as old, Image.open(io.BytesIO(written)) as new:
        assert new.tobytes() == old.tobytes()
        assert new.info["XML:com.adobe.xmp"] == "<x/>"
        assert new.info["icc_profile"] == old.info["icc_profile"]


@pytest.mark.parametrize("kind", [b"IDAT", b"IEND"])
@pytest.mark.parametrize("compressed", [False, True])
def test_it_is_replaced_where_it_is(photo: bytes, kind: bytes, compressed: bool) -> None:
    old = before(kind, photo, xmp(b"<old/>", compressed))
    assert png.packets("a.png", old) == [b"<old/>"]
    assert png.embed("a.png", old, b"<new/>") == before(kind, photo, xmp(b"<new/>"))


def test_of_several_packets_none_is_chosen(photo: bytes) -> None:
    data = before(b"IDAT", photo, xmp(b"<x/>") + xmp(b"<y/>"))
    assert png.packets("a.png", data) == [b"<x/>", b"<y/>"]
    with pytest.raises(PhotoError, match="more than one XMP packet"):
        png.embed("a.png", data, b"<x/>")


@pytest.mark.parametrize("compressed", [False, True])
def test_imagemagicks_form_is_read_and_not_replaced(photo: bytes, compressed: bool) -> None:
    text = b"\nxmp\n      20\n" + b"<old/>".hex().encode() + b"\n" + b"<br/>".hex().encode() + b"\n"
    keyword = b"Raw profile type xmp\0"
    added = chunk(b"zTXt", keyword + b"\0" + zlib.compress(text)) if compressed else chunk(b"tEXt", keyword + text)
    data = before(b"IDAT", photo, added)
    assert png.packets("a.png", data) == [b"<old/><br/>"]
    with pytest.raises(PhotoError, match=r"ImageMagick.*--write xmp"):
        png.embed("a.png", data, b"<x/>")


def test_an_animation_stays_one(saved) -> None:
    file = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(png.embed("a.png", file.getvalue(), b"<x/>"))) as image:
        assert image.n_frames == 2
        image.seek(1)
        assert image.convert("RGB").getpixel((0, 0)) == (0, 0, 255)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[:-40], "the chunk at byte"),
        (lambda data: data[:20], "the chunk at byte"),
        (lambda data: before(b"IDAT", data, xmp(b"<x/>")[:-1] + b"?"), "checksum"),
        (lambda data: before(b"IDAT", data, chunk(b"tEXt", b"Raw profile type xmp\0xmp 3 zz")), "digits"),
        (lambda data: before(b"IDAT", data, chunk(b"tEXt", b"Raw profile type xmp\0")), "digits"),
        (lambda data: before(b"IDAT", data, chunk(b"iTXt", KEYWORD)), "cut short"),
        (lambda data: before(b"IDAT", data, chunk(b"iTXt", KEYWORD + b"\1\0\0\0nonsense")), "its XMP"),
        (lambda data: before(b"IDAT", data, chunk(b"iTXt", KEYWORD + b"\1\0\0\0" + zlib.compress(b"a")[:-2])), "short"),
    ],
)
def test_damage_is_an_error(saved, damage, reason: str) -> None:
    with pytest.raises(PhotoError, match=rf"^a\.png: is damaged or truncated \(.*{reason}"):
        png.packets("a.png", damage(saved("PNG")))


def test_decompression_bomb_is_not_inflated(saved, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "_MAX_PACKET", 1000)
    with pytest.raises(PhotoError, match="more than 1,000 bytes"):
        png.packets("a.png", before(b"IDAT", saved("PNG"), xmp(bytes(2000), compressed=True)))


def test_without_pixels_there_is_no_place(saved) -> None:
    data = saved("PNG")
    end = data.index(b"IEND") - 4
    with pytest.raises(PhotoError, match="no image data"):
        png.embed("a.png", data[: data.index(b"IDAT") - 4] + data[end:], b"<x/>")
