from __future__ import annotations

import io

import pytest
from PIL import Image

from showtell.errors import PhotoError
from showtell.metadata import jpeg

HEADER = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"


def segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def xmp(packet: bytes) -> bytes:
    return segment(0xE1, HEADER + packet)


def with_segments(data: bytes, *segments: bytes) -> bytes:
    """A JPEG with more segments, after JFIF's."""
    start = 4 + int.from_bytes(data[4:6], "big")
    return data[:start] + b"".join(segments) + data[start:]


def part(whole: bytes, start: int, end: int) -> bytes:
    """One segment of a packet that goes over several."""
    position = len(whole).to_bytes(4, "big") + start.to_bytes(4, "big")
    return segment(0xE1, EXTENSION + b"0" * 32 + position + whole[start:end])


@pytest.fixture
def photo(saved, exif, profile: bytes) -> bytes:
    """A JPEG with JFIF, Exif and ICC segments, one that nobody knows, and data after its end."""
    data = saved("JPEG", exif=exif, icc_profile=profile, comment=b"a comment")
    return with_segments(data, b"\xff" + segment(0xEB, b"whatever\0")) + b"more after the end"


def test_it_is_put_in_after_jfif_and_exif_and_nothing_else_changes(photo: bytes) -> None:
    assert jpeg.packets("a.jpg", photo) == []
    written = jpeg.embed("a.jpg", photo, b"<x/>")
    assert jpeg.packets("a.jpg", written) == [b"<x/>"]
    at = written.index(xmp(b"<x/>"))
    assert written[:at] + written[at + len(xmp(b"<x/>")) :] == photo
    assert written.index(b"JFIF") < written.index(b"Exif\0") < at < written.index(b"ICC_PROFILE")
    with Image.open(io.BytesIO(photo)) as before, Image.open(io.BytesIO(written)) as after:
        assert after.info["xmp"] == b"<x/>"
        assert after.tobytes() == before.tobytes()
        assert after.info["icc_profile"] == before.info["icc_profile"]


def test_it_is_replaced_where_it_is(saved) -> None:
    data = saved("JPEG")
    old, other = xmp(b"<old/>"), segment(0xE2, b"ICC_PROFILE\0\1\1")
    written = jpeg.embed("a.jpg", with_segments(data, other, old), b"<new and longer/>")
    assert written == with_segments(data, other, xmp(b"<new and longer/>"))
    assert jpeg.embed("a.jpg", written, b"<new and longer/>") == written


def test_without_jfif_it_comes_first(saved) -> None:
    data = saved("JPEG")
    bare = data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]
    assert jpeg.embed("a.jpg", bare, b"<x/>") == bare[:2] + xmp(b"<x/>") + bare[2:]


def test_lossy_write_is_refused(saved) -> None:
    whole = b"<rest>" + b"." * 100 + b"</rest>"
    parts = [part(whole, 60, len(whole)), part(whole, 0, 60)]
    data = with_segments(saved("JPEG"), xmp(b"<x xmpNote:HasExtendedXMP='0'/>"), *parts)
    assert jpeg.packets("a.jpg", data)[1:] == [whole]
    with pytest.raises(PhotoError, match=r"^a\.jpg: its XMP goes on in further segments.*--write xmp"):
        jpeg.embed("a.jpg", data, b"<x/>")
    stripped = with_segments(saved("JPEG"), xmp(b"<x xmpNote:HasExtendedXMP='0'/>"))
    with pytest.raises(PhotoError, match="goes on in further segments"):
        jpeg.embed("a.jpg", stripped, b"<x/>")
    with pytest.raises(PhotoError, match="parts of its XMP are missing"):
        jpeg.packets("a.jpg", with_segments(saved("JPEG"), parts[0]))
    with pytest.raises(PhotoError, match="more than one XMP packet"):
        jpeg.embed("a.jpg", with_segments(saved("JPEG"), xmp(b"<x/>"), xmp(b"<y/>")), b"<x/>")


def test_a_packet_fits_into_one_segment(saved) -> None:
    largest = bytes(65_533 - len(HEADER))
    assert jpeg.packets("a.jpg", jpeg.embed("a.jpg", saved("JPEG"), largest)) == [largest]
    with pytest.raises(PhotoError, match="more than the 65,504 that JPEG holds"):
        jpeg.embed("a.jpg", saved("JPEG"), largest + b" ")


def test_further_pictures_are_found_again(saved) -> None:
    several = io.BytesIO()
    first, second = (Image.new("RGB", (16, 16), colour) for colour in ("red", "blue"))
    first.save(several, "MPO", save_all=True, append_images=[second])
    written = jpeg.embed("a.jpg", several.getvalue(), b"<x/>")
    with Image.open(io.BytesIO(written)) as image:
        assert image.n_frames == 2
        image.seek(1)
        assert image.getpixel((8, 8))[2] > 250
    late = with_segments(saved("JPEG"), segment(0xE2, b"MPF\0whatever"), xmp(b"<old/>"))
    assert jpeg.packets("a.jpg", jpeg.embed("a.jpg", late, b"<new/>")) == [b"<new/>"]
    with pytest.raises(PhotoError, match="further pictures"):
        jpeg.embed("a.jpg", late, b"<longer/>")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:3],
        lambda data: data[:10],
        lambda data: data[: data.index(b"\xff\xda")],
        lambda data: data[:4] + b"\0\1" + data[6:],
        lambda data: data[:20] + b"no marker" + data[20:],
    ],
)
def test_damage_is_an_error(saved, damage) -> None:
    with pytest.raises(PhotoError, match=r"^a\.jpg: is damaged or truncated"):
        jpeg.packets("a.jpg", damage(saved("JPEG")))
