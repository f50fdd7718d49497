from __future__ import annotations

import contextlib
import io
import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image

from conftest import PHOTOS
from pictures import in_halves
from showtell.serve.decode import LARGE, LENGTH, PIXELS, READY, WRONG, Decoder
from showtell.vision.encoder import squash
from showtell.vision.photo import open_photo

CAT = (PHOTOS / "chelsea.png").read_bytes()


def framed(photo: bytes) -> bytes:
    return len(photo).to_bytes(LENGTH, "big") + photo


def answers(sent: bytes, pixels: int = 50_000_000, memory: int = 2**29) -> list[tuple[bytes, bytes]]:
    """What a decoder says to what it is sent, behind that it is ready."""
    told = io.BytesIO()
    with contextlib.suppress(SystemExit):
        Decoder(pixels, memory, 15, io.BytesIO(sent), told).run()
    told.seek(0)
    found = []
    while kind := told.read(1):
        found.append((kind, told.read(int.from_bytes(told.read(LENGTH), "big"))))
    assert found[0] == (READY, b"")
    return found[1:]


def png(width: int, height: int, kind: int) -> bytes:
    """The head of a PNG of 8 bits: of colour with transparency if its kind is 6, of grey if it is 0."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)), (b"IDAT", b""), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(data)) + name + data + zlib.crc32(name + data).to_bytes(4, "big") for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def tiff(side: int, sample: int) -> bytes:
    """The head of a TIFF of grey, 32 bits of whole numbers if its sample is 1, of floating point if it is 3."""
    tags = [(256, 4, side), (257, 4, side), (258, 3, 32), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    tags += [(278, 4, side), (279, 4, 4), (339, 3, sample)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<IIH", 12, 0, len(tags)) + entries + bytes(4)


def test_decoder_decodes_photos_in_sequence() -> None:
    (first, pixels), (second, wrong), (third, again) = answers(framed(CAT) + framed(b"broken") + framed(CAT))
    assert (first, second, third) == (PIXELS, WRONG, PIXELS)
    assert pixels == again == squash(open_photo(CAT)).tobytes()
    assert b"is not a photo" in wrong


def test_a_photo_of_one_colour_is_told() -> None:
    plain = io.BytesIO()
    Image.new("RGB", (64, 64), "navy").save(plain, "PNG")
    ((kind, told),) = answers(framed(plain.getvalue()))
    assert kind == WRONG
    assert told.endswith(b"bytes: is of one colour; there is nothing in it to caption")


def test_pixels_are_counted_before_they_are_decoded_whatever_came_before() -> None:
    heif = pytest.importorskip("pillow_heif")
    large, small = io.BytesIO(), io.BytesIO()
    heif.from_pillow(in_halves(96, 64)).save(large, quality=10)
    heif.from_pillow(in_halves(64, 64)).save(small)
    told = answers(b"".join(framed(photo.getvalue()) for photo in (large, small, large)), pixels=64 * 64)
    assert [kind for kind, _ in told] == [WRONG, PIXELS, WRONG]
    assert told[0] == told[2]
    assert told[0][1] == b"the photo has 96 x 64 pixels, more than 4,096; save it smaller"


@pytest.mark.parametrize("photo", [png(7070, 7070, 6), tiff(8200, 1), tiff(8200, 3)])
def test_memory_is_counted_before_it_is_taken(photo: bytes) -> None:
    ((kind, told),) = answers(framed(photo), pixels=70_000_000)
    assert kind == WRONG
    assert b"bytes to decode, more than 536,870,912; save it smaller" in told


def test_large_photo_waits_for_permission() -> None:
    photo = png(4000, 4000, 0)  # its pixels are missing
    assert answers(framed(photo)) == [(LARGE, b"")]  # nobody says that it may
    (large, _), (kind, told) = answers(framed(photo) + b"\1")
    assert (large, kind) == (LARGE, WRONG)
    assert b"truncated" in told


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count less")
def test_decoder_memory_is_limited() -> None:
    code = "from showtell.serve.decode import _bound_memory as bound\nbound(2**29)\nbytearray(2**27)\nbytearray(2**30)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stderr.splitlines()[-1] == "MemoryError"
    assert "line 4" in result.stderr
