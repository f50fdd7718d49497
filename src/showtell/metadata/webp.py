"""XMP in WebP files: a chunk, and a flag in the header chunk."""

from __future__ import annotations

from dataclasses import dataclass

from showtell.errors import PhotoError
from showtell.metadata.fields import Fields

_XMP = b"XMP "
_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10
_PICTURE = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF")
_BEFORE_XMP = {*_PICTURE, b"ICCP", b"EXIF"}


@dataclass(frozen=True)
class _Chunk:
    kind: bytes
    payload: bytes

    def to_bytes(self) -> bytes:
        return self.kind + len(self.payload).to_bytes(4, "little") + self.payload + bytes(len(self.payload) % 2)


def packets(name: str, data: bytes) -> list[bytes]:
    """The XMP packets in a WebP file; of more than one, `embed` makes no guess.

    Raises:
        PhotoError: the file is damaged.
    """
    return [chunk.payload for chunk in _chunks(name, data) if chunk.kind == _XMP]


def fields(name: str, data: bytes) -> Fields:
    """The other field of a WebP file that can hold text.

    Raises:
        PhotoError: the file is damaged.
    """
    return Fields(exif=[chunk.payload for chunk in _chunks(name, data) if chunk.kind == b"EXIF"])


def embed(name: str, data: bytes, packet: bytes) -> bytes:
    """Return the WebP file with `packet` as its XMP, and every other chunk as it is.

    A file of the simple layout, which has no room for XMP, gets the extended one's header.

    Raises:
        PhotoError: the file is damaged, or has several XMP packets.
    """
    chunks = _chunks(name, data)
    old = [index for index, chunk in enumerate(chunks) if chunk.kind == _XMP]
    if len(old) > 1:
        raise PhotoError(f"{name}: has more than one XMP packet; write a sidecar with --write xmp")
    if old:
        chunks[old[0]] = _Chunk(_XMP, packet)
    else:
        last = max((index for index, chunk in enumerate(chunks) if chunk.kind in _BEFORE_XMP), default=-1)
        chunks.insert(last + 1, _Chunk(_XMP, packet))
    if chunks[0].kind == b"VP8X":
        flags = chunks[0].payload
        chunks[0] = _Chunk(b"VP8X", bytes([flags[0] | _XMP_FLAG]) + flags[1:])
    elif any(chunk.kind in _PICTURE for chunk in chunks[1:]):  # which decoders skip, but not in the extended layout
        raise _damaged(name, "more than a picture in the simple layout")
    else:
        chunks.insert(0, _header(name, chunks[0]))
    body = b"WEBP" + b"".join(chunk.to_bytes() for chunk in chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body + data[_end(data) :]


def _end(data: bytes) -> int:
    """Where the file says that it ends; what follows is none of its chunks."""
    return 8 + int.from_bytes(data[4:8], "little")


def _chunks(name: str, data: bytes) -> list[_Chunk]:
    end = _end(data)
    if end > len(data):
        raise _damaged(name, "its end is missing")
    chunks = []
    at = 12
    while at < end:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            raise _damaged(name, f"the chunk at byte {at:,}")
        chunks.append(_Chunk(data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    if not chunks or (chunks[0].kind == b"VP8X" and len(chunks[0].payload) < 10):
        raise _damaged(name, "its header")
    return chunks


def _header(name: str, image: _Chunk) -> _Chunk:
    """The extended layout's header for an image of the simple one: its size, and whether it has transparency."""
    flags = _XMP_FLAG
    if image.kind == b"VP8 " and image.payload[3:6] == b"\x9d\x01\x2a" and len(image.payload) >= 10:
        width, height = (int.from_bytes(image.payload[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    elif image.kind == b"VP8L" and image.payload[:1] == b"\x2f" and len(image.payload) >= 5:
        bits = int.from_bytes(image.payload[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        flags |= _ALPHA_FLAG if bits >> 28 & 1 else 0
    else:
        raise _damaged(name, "its first chunk is no image")
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return _Chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size)


def _damaged(name: str, what: str) -> PhotoError:
    return PhotoError(f"{name}: is damaged or truncated ({what}); copy or export it again from its source")
