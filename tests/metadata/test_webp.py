from __future__ import annotations

import io

import pytest
from PIL import Image

from showtell.errors import PhotoError
from showtell.metadata import webp

FLAGS = {"animation": 0x02, "xmp": 0x04, "exif": 0x08, "alpha": 0x10, "icc": 0x20}


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a WebP file, read by another way than the one that is tested."""
    found, file = [], io.BytesIO(data)
    assert file.read(4) == b"RIFF"
    end = 8 + int.from_bytes(file.read(4), "little")
    assert file.read(4) == b"WEBP"
    while file.tell() < end:
        kind, length = file.read(4), int.from_bytes(file.read(4), "little")
        found.append((kind, file.read(length)))
        file.read(length % 2)
    assert file.tell() == end
    return found


def flags(data: bytes) -> set[str]:
    kind, header = chunks(data)[0]
    assert kind == b"VP8X"
    return {name for name, bit in FLAGS.items() if header[0] & bit}


def assert_same_but_for_xmp(before: bytes, after: bytes) -> None:
    def rest(data: bytes) -> list[tuple[bytes, bytes]]:
        return [chunk for chunk in chunks(data) if chunk[0] not in (b"VP8X", b"XMP ")]

    assert rest(after) == rest(before)
    with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(after)) as new:
        assert (new.mode, new.size, new.n_frames) == (old.mode, old.size, old.n_frames)
        for frame in range(old.n_frames):
            old.seek(frame)
            new.seek(frame)
            assert new.tobytes() == old.tobytes()
        assert new.info.get("icc_profile") == old.info.get("icc_profile")
        assert new.info.get("exif") == old.info.get("exif")


@pytest.mark.parametrize(
    ("mode", "lossless", "first", "alpha"),
    [("RGB", False, b"VP8 ", False), ("RGB", True, b"VP8L", False), ("RGBA", True, b"VP8L", True)],
)
@pytest.mark.parametrize("packet", [b"<x/>", b"<odd/>!"])
def test_a_simple_file_gets_a_header(
    saved, mode: str, lossless: bool, first: bytes, alpha: bool, packet: bytes
) -> None:
    data = saved("WEBP", mode, lossless=lossless, exact=True)
    if chunks(data)[0][0] == b"VP8X":  # Pillow's, if it writes one without need
        data = bare(data)
    assert [kind for kind, _ in chunks(data)] == [first]
    written = webp.embed("a.webp", data, packet)
    assert [kind for kind, _ in chunks(written)] == [b"VP8X", first, b"XMP "]
    assert flags(written) == {"xmp"} | ({"alpha"} if alpha else set())
    assert chunks(written)[0][1][1:] == bytes(3) + (32).to_bytes(3, "little") + (20).to_bytes(3, "little")
    assert webp.packets("a.webp", written) == [packet]
    assert_same_but_for_xmp(data, written)


def bare(data: bytes) -> bytes:
    kind, image = next(chunk for chunk in chunks(data) if chunk[0].startswith(b"VP8") and chunk[0] != b"VP8X")
    body = b"WEBP" + kind + len(image).to_bytes(4, "little") + image + bytes(len(image) % 2)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_extended_file_gets_a_flag(saved, exif, profile: bytes, mode: str) -> None:
    data = saved("WEBP", mode, exif=exif, icc_profile=profile)
    written = webp.embed("a.webp", data, b"<x/>")
    assert flags(written) == flags(data) | {"xmp"}
    assert chunks(written)[-1] == (b"XMP ", b"<x/>")
    assert_same_but_for_xmp(data, written)
    with Image.open(io.BytesIO(written)) as image:
        assert image.info["xmp"] == b"<x/>"


def test_it_is_replaced_where_it_is_and_what_follows_stays(saved) -> None:
    data = saved("WEBP", xmp=b"<old/>") + b"more after the end"
    written = webp.embed("a.webp", data, b"<new/>")
    assert written == data.replace(b"<old/>", b"<new/>")
    assert webp.embed("a.webp", written, b"<old/>") == data


def test_it_comes_before_chunks_that_nobody_knows(saved, exif) -> None:
    data = saved("WEBP", exif=exif)
    data = b"RIFF" + (len(data) + 4).to_bytes(4, "little") + data[8:] + b"ABCD" + (4).to_bytes(4, "little") + b"1234"
    written = webp.embed("a.webp", data, b"<x/>")
    assert [kind for kind, _ in chunks(written)] == [b"VP8X", b"VP8 ", b"EXIF", b"XMP ", b"ABCD"]
    assert_same_but_for_xmp(data, written)


def test_an_animation_stays_one(saved) -> None:
    file = io.BytesIO()
    frames = [Image.new("RGBA", (8, 8), colour) for colour in ("red", "#0000ff80")]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], duration=100)
    written = webp.embed("a.webp", file.getvalue(), b"<x/>")
    assert flags(written) >= {"animation", "xmp"}
    assert_same_but_for_xmp(file.getvalue(), written)


def test_of_several_packets_none_is_chosen(saved) -> None:
    data = saved("WEBP", xmp=b"<x/>")
    data = b"RIFF" + (len(data) + 4).to_bytes(4, "little") + data[8:] + b"XMP " + (4).to_bytes(4, "little") + b"<y/>"
    with pytest.raises(PhotoError, match="more than one XMP packet"):
        webp.embed("a.webp", data, b"<x/>")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-10],
        lambda data: data[:16] + b"\xff\xff\xff\0" + data[20:],
        lambda data: b"RIFF\4\0\0\0WEBP",
        lambda data: data.replace(b"VP8 ", b"ABCD"),
    ],
)
def test_damage_is_an_error(saved, damage) -> None:
    with pytest.raises(PhotoError, match=r"^a\.webp: is damaged or truncated"):
        webp.embed("a.webp", damage(saved("WEBP")), b"<x/>")


@pytest.mark.parametrize("kind", [b"VP8X", b"VP8 ", b"ANMF", b"ALPH"])
def test_a_simple_file_with_more_than_a_picture_is_left(saved, kind: bytes) -> None:
    """Decoders skip what follows the picture, but would not in the extended layout."""
    data = bare(saved("WEBP"))
    body = data[8:] + kind + (10).to_bytes(4, "little") + bytes(10)
    longer = b"RIFF" + len(body).to_bytes(4, "little") + body
    with Image.open(io.BytesIO(longer)) as photo:
        photo.load()
    with pytest.raises(PhotoError, match="more than a picture in the simple layout"):
        webp.embed("a.webp", longer, b"<x/>")
