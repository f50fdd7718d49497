"""Repairs for photos with intact pixels that a decoder rejects: stripping metadata, adding an end marker."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress

# The tags of TIFF 6.0 that say how the pixels are held, and where; and the orientation.
_TIFF_PICTURE = {
    *range(254, 260),
    262,
    263,
    264,
    265,
    266,
    273,
    274,
    *range(277, 282),
    284,
    292,
    293,
    317,
    *range(320, 326),
}
_TIFF_PICTURE |= {332, 334, 338, 339, 347, *range(512, 522), 529, 530, 531, 532}
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_PICTURE = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_PNG_KEPT = (b"tRNS", b"eXIf")
_APP0, _APP1, _APP14, _APP15, _COM, _SOS, _EOI = 0xE0, 0xE1, 0xEE, 0xEF, 0xFE, 0xDA, 0xD9
_END = bytes([0xFF, _EOI])
_STANDALONE_MARKERS = {0x01, *range(0xD0, 0xD9)}
# The shortest that say what they are there for: JFIF's, Exif's and Adobe's, which has the colours.
_JPEG_KEPT = {_APP0: (b"JFIF\0", 14), _APP1: (b"Exif\0", 14), _APP14: (b"Adobe", 12)}


def strip_metadata(data: bytes) -> bytes | None:
    """Return a JPEG, PNG or TIFF file with nothing but its pixels, orientation and transparency.

    Returns:
        None if nothing would be left out, if the file is of another format, or damaged where its picture is.
    """
    picture = None
    if data.startswith(b"\xff\xd8\xff"):
        picture = _strip_jpeg(data)
    elif data.startswith(_PNG):
        picture = _strip_png(data)
    elif data[:4] in (b"II*\0", b"MM\0*"):
        picture = _strip_tiff(data)
    return None if picture == data else picture


def _strip_jpeg(data: bytes) -> bytes | None:
    kept = [data[:2]]
    at = 2
    while True:
        at = data.find(b"\xff", at)  # libjpeg skips what stands between segments, too
        if at < 0:
            return None
        while data[at : at + 1] == b"\xff":
            at += 1
        if at == len(data):
            return None
        marker = data[at]
        if marker == 0:
            continue
        if marker in (_SOS, _EOI):
            return b"".join([*kept, data[at - 1 :]])
        length = 0 if marker in _STANDALONE_MARKERS else int.from_bytes(data[at + 1 : at + 3], "big")
        payload = data[at + 3 : at + 1 + length]
        if not _APP0 <= marker <= _APP15 and marker != _COM:
            kept.append(data[at - 1 : at + 1 + length])
        elif marker in _JPEG_KEPT:
            mark, least = _JPEG_KEPT[marker]
            if payload.startswith(mark) and len(payload) >= least:
                kept.append(data[at - 1 : at + 1 + length])
        at += 1 + length


def _strip_tiff(data: bytes) -> bytes:
    """Every tag of the first picture that is no part of it holds one byte."""
    order = "<" if data[:2] == b"II" else ">"
    picture = bytearray(data)
    with suppress(struct.error):
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            (tag,) = struct.unpack_from(f"{order}H", data, at)
            if tag not in _TIFF_PICTURE:
                struct.pack_into(f"{order}HII", picture, at + 2, 1, 1, 0)
    return bytes(picture)


def _strip_png(data: bytes) -> bytes:
    kept = [_PNG]
    at = len(_PNG)
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + 12 + length
        whole = zlib.crc32(data[at + 4 : end - 4]).to_bytes(4, "big") == data[end - 4 : end]
        if kind in _PNG_PICTURE or (kind in _PNG_KEPT and whole):
            kept.append(data[at:end])
        at = end
    return b"".join(kept)


def with_end_marker(data: bytes) -> list[bytes]:
    """Return a JPEG file that lacks its end marker with different ends; none if it is no such file.

    All of them are the same picture if no pixel is missing: what is, each end fills in another way.
    """
    if not data.startswith(b"\xff\xd8\xff") or data.endswith(_END):
        return []
    return [data.removesuffix(b"\xff") + more + _END for more in (b"", bytes(64), b"\xaa" * 64)]
