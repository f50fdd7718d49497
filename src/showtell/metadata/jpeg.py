"""XMP in JPEG files: an APP1 segment."""

from __future__ import annotations

from dataclasses import dataclass

from showtell.errors import PhotoError
from showtell.metadata.fields import Fields

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_APP0, _APP1, _APP2, _APP13, _COM, _SOS, _EOI = 0xE0, 0xE1, 0xE2, 0xED, 0xFE, 0xDA, 0xD9
_STANDALONE_MARKERS = {0x01, *range(0xD0, 0xD9)}
_MAX_PACKET = 0xFFFF - 2 - len(_XMP)


@dataclass(frozen=True)
class _Segment:
    marker: int
    start: int
    end: int
    payload: bytes

    @property
    def is_xmp(self) -> bool:
        return self.marker == _APP1 and self.payload.startswith(_XMP)

    @property
    def is_extension(self) -> bool:
        return self.marker == _APP1 and self.payload.startswith(_EXTENSION)

    @property
    def comes_first(self) -> bool:
        """Whether it is JFIF's or Exif's, which want to be before all others."""
        return self.marker == _APP0 or (self.marker == _APP1 and self.payload.startswith(b"Exif\0"))

    @property
    def is_index(self) -> bool:
        """Whether it says where in the file, counted from itself, further pictures are."""
        return self.marker == _APP2 and self.payload.startswith(b"MPF\0")


def packets(name: str, data: bytes) -> list[bytes]:
    """The XMP packets in a JPEG file: the one that `embed` replaces, if there is one, then what extends it.

    Raises:
        PhotoError: the file is damaged.
    """
    segments = _segments(name, data)
    return [segment.payload.removeprefix(_XMP) for segment in segments if segment.is_xmp] + _extensions(name, segments)


def fields(name: str, data: bytes) -> Fields:
    """Other fields of a JPEG file that can hold text.

    Raises:
        PhotoError: the file is damaged.
    """
    found = Fields()
    of_photoshop = b""
    for segment in _segments(name, data):
        if segment.marker == _APP1 and segment.payload.startswith(b"Exif\0"):
            found.exif.append(segment.payload)
        elif segment.marker == _APP13:  # a long one goes on in the next
            of_photoshop += segment.payload.removeprefix(b"Photoshop 3.0\0")
        elif segment.marker == _COM:
            found.comments.append(segment.payload)
    found.iptc.append(of_photoshop)
    return found


def embed(name: str, data: bytes, packet: bytes) -> bytes:
    """Return the JPEG file with `packet` as its XMP, and every other byte as it is.

    Raises:
        PhotoError: the file is damaged, its XMP goes over several segments, or the packet does not fit into one.
    """
    segments = _segments(name, data)
    old = [segment for segment in segments if segment.is_xmp]
    if any(segment.is_extension for segment in segments) or any(b"HasExtendedXMP" in xmp.payload for xmp in old):
        raise PhotoError(
            f"{name}: its XMP goes on in further segments, which would be lost; write a sidecar with --write xmp"
        )
    if len(old) > 1:
        raise PhotoError(f"{name}: has more than one XMP packet; write a sidecar with --write xmp")
    if len(packet) > _MAX_PACKET:
        raise PhotoError(
            f"{name}: has {len(packet):,} bytes of XMP, more than the {_MAX_PACKET:,} that JPEG holds; "
            "write a sidecar with --write xmp"
        )
    payload = _XMP + packet
    segment = bytes([0xFF, _APP1]) + (len(payload) + 2).to_bytes(2, "big") + payload
    start, end = (old[0].start, old[0].end) if old else (_place(segments),) * 2
    if len(segment) != end - start and any(other.is_index and other.start < start for other in segments):
        raise PhotoError(f"{name}: its further pictures would not be found again; write a sidecar with --write xmp")
    return data[:start] + segment + data[end:]


def _place(segments: list[_Segment]) -> int:
    """Where a new segment goes: after JFIF's and Exif's."""
    return max((segment.end for segment in segments if segment.comes_first), default=2)


def _segments(name: str, data: bytes) -> list[_Segment]:
    """All segments before the image data."""
    segments: list[_Segment] = []
    at = 2
    while True:
        start = at
        while data[at : at + 1] == b"\xff":
            at += 1
        if at == start or at == len(data):
            raise PhotoError(f"{name}: is damaged or truncated (no JPEG segment at byte {start:,}); copy it again")
        marker = data[at]
        at += 1
        if marker in (_SOS, _EOI):
            return segments
        length = 0 if marker in _STANDALONE_MARKERS else int.from_bytes(data[at : at + 2], "big")
        if at + length > len(data) or (length < 2 and marker not in _STANDALONE_MARKERS):
            raise PhotoError(f"{name}: is damaged or truncated (the JPEG segment at byte {start:,}); copy it again")
        segments.append(_Segment(marker, start, at + length, data[at + 2 : at + length]))
        at += length


def _extensions(name: str, segments: list[_Segment]) -> list[bytes]:
    """The packets that go over several segments: each begins with whose part it is, of how much, from where on."""
    parts: dict[bytes, list[tuple[int, bytes]]] = {}
    for segment in segments:
        if segment.is_extension:
            rest = segment.payload.removeprefix(_EXTENSION)
            parts.setdefault(rest[:36], []).append((int.from_bytes(rest[36:40], "big"), rest[40:]))
    found = []
    for whose, of_one in parts.items():
        whole = b"".join(part for _, part in sorted(of_one))
        if len(whole) != int.from_bytes(whose[32:36], "big"):
            raise PhotoError(f"{name}: parts of its XMP are missing; remove its XMP, or copy the photo again")
        found.append(whole)
    return found
