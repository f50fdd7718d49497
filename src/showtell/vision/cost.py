"""The cost of decoding a photo, estimated from its headers before anything is decoded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from PIL import Image

from showtell.errors import PhotoError

MAX_SCANS = 100
"""Of a JPEG: each goes over the whole picture. Encoders write about ten; libtiff has the same bound."""
MAX_SIDE = 2**18
"""Pixels in a row or a column: Pillow takes quadratic time in the length of a row, 40 s for one of 6 million."""
MAX_DECODED_BYTES = 3 * 2**29
"""Of memory for pixels: as they are decoded, and in RGB."""

_CHUNK = 2**20
_MARKER = re.compile(rb"\xff[^\x00\xff]")
# Bytes of a pixel as PIL stores it; of all other modes 4
_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
# libwebp holds two canvases besides PIL's
_WEBP = 8
_RGB = 4


def check_cost(name: str, image: Image.Image, file: IO[bytes]) -> None:
    """Check that an opened image may be decoded.

    Args:
        name: what to call it.
        image: of `file`, at its full size.
        file: its place is kept.

    Raises:
        PhotoError: it is a JPEG of more than `MAX_SCANS` scans, has a side longer than `MAX_SIDE`, or would take more
            than `MAX_DECODED_BYTES`.
    """
    if max(image.size) > MAX_SIDE:
        raise PhotoError(
            f"{name}: has {image.width} x {image.height} pixels, a side longer than {MAX_SIDE:,}; save it smaller"
        )
    if image.format in ("JPEG", "MPO") and _has_more_scans(file, MAX_SCANS):
        raise PhotoError(f"{name}: is a JPEG of more than {MAX_SCANS} scans; save it again")
    needed = decoded_bytes(image)
    if needed > MAX_DECODED_BYTES:
        raise PhotoError(
            f"{name}: has {image.width} x {image.height} pixels of mode {image.mode}, which take {needed:,} bytes to "
            f"decode, more than {MAX_DECODED_BYTES:,}; save it smaller"
        )


def decoded_bytes(image: Image.Image) -> int:
    """Bytes that decoding takes, RGB included; of a JPEG what it keeps at full size, as it is decoded smaller."""
    pixels = image.width * image.height
    if image.format in ("JPEG", "MPO"):
        return int(pixels * _kept_by_jpeg(image))
    each = _STORED.get(image.mode, 4) + _RGB
    if image.has_transparency_data:
        each += _RGB
    if image.format == "WEBP":
        each += _WEBP
    return pixels * each


def _kept_by_jpeg(image: Image.Image) -> float:
    """Bytes a pixel of coefficients, 2 each; a JPEG of one pass keeps none."""
    if not image.info.get("progressive"):
        return 0.0
    factors: list[tuple[int, int]] = [(across, down) for _, across, down, *_ in getattr(image, "layer", [])]
    whole = max((across for across, _ in factors), default=1) * max((down for _, down in factors), default=1)
    return 2 * sum(across * down for across, down in factors) / whole


def _has_more_scans(file: IO[bytes], most: int) -> bool:
    place = file.tell()
    try:
        file.seek(0)
        # Each scan begins with these two bytes, which other data may hold too: most photos need no second look
        if _count(file, b"\xff\xda") <= most:
            return False
        file.seek(0)
        return sum(1 for _, _ in zip(_scans(file.read()), range(most + 1), strict=False)) > most
    finally:
        file.seek(place)


def _count(file: IO[bytes], pair: bytes) -> int:
    found, last = 0, b""
    while chunk := file.read(_CHUNK):
        found += (last + chunk).count(pair)
        last = chunk[-1:]
    return found


def _scans(data: bytes) -> Iterator[int]:
    """Where each scan of a JPEG begins, up to its end (ITU-T T.81, B.1)."""
    place = 2
    while found := _MARKER.search(data, place):
        marker, place = data[found.start() + 1], found.end()
        if marker == 0xD9:
            return
        if marker == 0xDA:
            yield found.start()
        if marker != 0x01 and not 0xD0 <= marker <= 0xD7:  # all others have a length
            place += int.from_bytes(data[place : place + 2], "big")
