from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from showtell.errors import PhotoError
from showtell.vision.photo import MIN_DRAFT_SIDE, open_photo
from showtell.vision.strip import strip_metadata, with_end_marker

TURNED = Image.Exif()
TURNED[0x0112] = 6


def photo(width: int = 64, height: int = 48) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8))


def encoded(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    file = io.BytesIO()
    (image or photo()).save(file, kind, **options)
    return file.getvalue()


def segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def chunk(kind: bytes, data: bytes, wrong: int = 0) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) ^ wrong)


def same(data: bytes, whole: bytes) -> bool:
    return open_photo(data).tobytes() == open_photo(whole).tobytes()


@pytest.mark.parametrize(
    "damaged",
    [segment(0xEE, b"Adobe"), segment(0xEE, b"Adobe\0\x64\0"), segment(0xE0, b"JFIF\0"), segment(0xE0, b"JFIF\0\1")],
)
def test_a_jpeg_with_a_marker_that_is_too_short(damaged: bytes) -> None:
    whole = encoded("JPEG", exif=TURNED)
    assert open_photo(whole).size == (48, 64)
    assert same(whole[:2] + damaged + whole[2:], whole)


def test_adobes_marker_keeps_the_colours() -> None:
    whole = encoded("JPEG", Image.new("CMYK", (16, 16), (0, 255, 255, 0)), quality=95)
    assert b"Adobe" in whole
    assert same(whole[:2] + segment(0xE0, b"JFIF\0") + whole[2:], whole)


@pytest.mark.parametrize(
    "odd",
    [
        chunk(b"tEXt", b"Comment\0hello", wrong=1),
        chunk(b"gAMA", b"\0"),
        chunk(b"pHYs", b"\0\0"),
        chunk(b"sRGB", b""),
        chunk(b"cHRM", b"\0" * 5),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(3 << 20))),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(3 << 20))),
        chunk(b"iCCP", b"lut\0\0" + zlib.compress(bytes(3 << 20))),
    ],
)
@pytest.mark.parametrize("behind", [False, True])
def test_a_png_with_odd_metadata(odd: bytes, behind: bool) -> None:
    whole = encoded("PNG", exif=TURNED)
    at = len(whole) - 12 if behind else 33
    assert open_photo(whole).size == (48, 64)
    assert same(whole[:at] + odd + whole[at:], whole)


def test_a_png_keeps_its_transparency() -> None:
    whole = encoded("PNG", photo().quantize(4), transparency=0)
    assert same(whole[:33] + chunk(b"gAMA", b"\0") + whole[33:], whole)


@pytest.mark.parametrize("broken", [struct.pack("<HII", 2, 2**31, 5), struct.pack("<HII", 99, 3, 2**32 - 1)])
def test_a_tiff_with_a_broken_tag(broken: bytes) -> None:
    whole = encoded("TIFF", tiffinfo={270: "a description", 274: 6, 305: "a program"})
    assert open_photo(whole).size == (48, 64)
    for tag in (270, 305):
        at = whole.index(struct.pack("<HH", tag, 2)) + 2
        assert same(whole[:at] + broken + whole[at + len(broken) :], whole)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_missing_matplotlib_is_an_error(kind: str) -> None:
    whole = encoded(kind)
    cut = whole[: len(whole) // 2]
    for data in (cut, cut[:2] + segment(0xEE, b"Adobe") + cut[2:] if kind == "JPEG" else cut + b"\0"):
        with pytest.raises(PhotoError, match="damaged"):
            open_photo(data)


def test_nothing_to_leave_out() -> None:
    assert strip_metadata(encoded("JPEG")) is None
    assert strip_metadata(encoded("PNG")) is None
    assert strip_metadata(encoded("GIF")) is None


@given(
    st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0\x08\0\0\0", b"MM\0*", b"GIF89a"]),
    st.binary(max_size=200),
)
def test_any_bytes_have_an_answer(start: bytes, rest: bytes) -> None:
    strip_metadata(start + rest)
    with_end_marker(start + rest)


@pytest.mark.parametrize(
    "size", [(64, 48), pytest.param((3 * MIN_DRAFT_SIDE, 2 * MIN_DRAFT_SIDE), marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}, {"subsampling": 0}])
def test_a_jpeg_without_its_end_is_whole(size: tuple[int, int], options: dict[str, object]) -> None:
    whole = encoded("JPEG", photo(*size), **options)
    for missing in (1, 2):
        assert same(whole[:-missing], whole)
    assert same(whole[:2] + segment(0xEE, b"Adobe") + whole[2:-2], whole)
    for missing in (3, 4, 8, 40, len(whole) // 3):
        with pytest.raises(PhotoError, match="is damaged or truncated"):
            open_photo(whole[:-missing])
