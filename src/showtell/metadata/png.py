"""XMP in PNG files: an iTXt chunk."""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import dataclass

from showtell.errors import PhotoError
from showtell.metadata.fields import Fields

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEYWORD = b"XML:com.adobe.xmp\0"
# As ImageMagick does it: hexadecimal digits, compressed or not.
_RAW = b"Raw profile type xmp\0"
_RAW_EXIF, _RAW_IPTC = ("raw profile type exif", "raw profile type app1"), "raw profile type iptc"
_COMMENTS = ("comment", "description", "caption", "imagedescription")
# Of what was compressed. People's XMP has some thousands of bytes.
_MAX_PACKET = 64 * 2**20


@dataclass(frozen=True)
class _Chunk:
    kind: bytes
    start: int
    end: int
    payload: bytes

    @property
    def is_xmp(self) -> bool:
        return self.kind == b"iTXt" and self.payload.startswith(_KEYWORD)

    @property
    def is_raw(self) -> bool:
        return self.kind in (b"tEXt", b"zTXt") and self.payload.startswith(_RAW)


def packets(name: str, data: bytes) -> list[bytes]:
    """The XMP packets in a PNG file, in Adobe's way first; of more than one, `embed` makes no guess.

    Raises:
        PhotoError: the file, or the packet's compression, is damaged.
    """
    chunks = _chunks(name, data)
    of_adobe = [_packet(name, chunk.payload) for chunk in chunks if chunk.is_xmp]
    return of_adobe + [_from_digits(name, _text(name, chunk)) for chunk in chunks if chunk.is_raw]


def fields(name: str, data: bytes) -> Fields:
    """Other fields of a PNG file that can hold text, also behind the pixels.

    Raises:
        PhotoError: the file is damaged.
    """
    found = Fields()
    for chunk in _chunks(name, data):
        if chunk.kind == b"eXIf":
            found.exif.append(chunk.payload)
        elif chunk.kind in (b"tEXt", b"zTXt", b"iTXt"):
            keyword = chunk.payload.partition(b"\0")[0].decode("latin-1").lower()
            with suppress(PhotoError):  # a text that is damaged says nothing
                if keyword in _RAW_EXIF:
                    found.exif.append(_from_digits(name, _text(name, chunk)))
                elif keyword == _RAW_IPTC:
                    found.iptc.append(_from_digits(name, _text(name, chunk)))
                elif keyword in _COMMENTS:
                    found.comments.append(_text(name, chunk))
    return found


def embed(name: str, data: bytes, packet: bytes) -> bytes:
    """Return the PNG file with `packet` as its XMP, uncompressed, and every other byte as it is.

    Raises:
        PhotoError: the file is damaged, has several XMP packets, or one in ImageMagick's way.
    """
    chunks = _chunks(name, data)
    if any(chunk.is_raw for chunk in chunks):
        raise PhotoError(f"{name}: its XMP is in a form that ImageMagick invented; write a sidecar with --write xmp")
    old = [chunk for chunk in chunks if chunk.is_xmp]
    if len(old) > 1:
        raise PhotoError(f"{name}: has more than one XMP packet; write a sidecar with --write xmp")
    if old:
        start, end = old[0].start, old[0].end
    else:
        start = end = next((chunk.start for chunk in chunks if chunk.kind == b"IDAT"), -1)
        if start < 0:
            raise _damaged(name, "it has no image data")
    # after the keyword: not compressed, and neither a language nor a translated keyword
    body = b"iTXt" + _KEYWORD + bytes(4) + packet
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    return data[:start] + chunk + data[end:]


def _chunks(name: str, data: bytes) -> list[_Chunk]:
    """All chunks up to the end of the image."""
    chunks = []
    at = len(SIGNATURE)
    while True:
        length = int.from_bytes(data[at : at + 4], "big")
        end = at + 12 + length
        if end > len(data):
            raise _damaged(name, f"the chunk at byte {at:,}")
        chunk = _Chunk(data[at + 4 : at + 8], at, end, data[at + 8 : end - 4])
        if chunk.is_xmp and zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise _damaged(name, "the checksum of its XMP is wrong")
        chunks.append(chunk)
        if chunk.kind == b"IEND":
            return chunks
        at = end


def _packet(name: str, payload: bytes) -> bytes:
    return _international(name, payload.removeprefix(_KEYWORD))


def _international(name: str, rest: bytes) -> bytes:
    """The text of an iTXt chunk, of which this is what follows the keyword."""
    fields = rest[2:].split(b"\0", 2)
    if len(fields) != 3:
        raise _damaged(name, "its XMP is cut short")
    return fields[2] if rest[0] == 0 else _inflated(name, fields[2])


def _from_digits(name: str, text: bytes) -> bytes:
    """What ImageMagick wrote as a line with a name, a line with a length, and hexadecimal digits."""
    lines = text.split(maxsplit=2)
    try:
        return bytes.fromhex(lines[2].decode())
    except (IndexError, ValueError) as error:
        raise _damaged(name, "its XMP is not in hexadecimal digits") from error


def _text(name: str, chunk: _Chunk) -> bytes:
    """What follows the keyword of a text."""
    rest = chunk.payload.partition(b"\0")[2]
    if chunk.kind == b"iTXt":
        return _international(name, rest)
    return _inflated(name, rest[1:]) if chunk.kind == b"zTXt" else rest


def _inflated(name: str, data: bytes) -> bytes:
    try:
        inflate = zlib.decompressobj()
        packet = inflate.decompress(data, _MAX_PACKET)
    except zlib.error as error:
        raise _damaged(name, f"its XMP: {error}") from error
    if not inflate.eof:
        raise _damaged(name, f"its XMP is cut short, or has more than {_MAX_PACKET:,} bytes")
    return packet


def _damaged(name: str, what: str) -> PhotoError:
    return PhotoError(f"{name}: is damaged or truncated ({what}); copy or export it again from its source")
