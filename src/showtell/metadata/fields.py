"""Descriptions of a photo outside XMP: Exif, IPTC and comments."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from PIL import ExifTags, Image

_IPTC_CAPTION = b"\x1c\x02\x78"
_CODES = {b"ASCII\0\0\0": "utf-8", b"UNICODE\0": "utf-16", b"JIS\0\0\0\0\0": "iso2022_jp", bytes(8): "utf-8"}
# Windows' fields, in UTF-16. Its title and its subject are shown as the photo's words, too.
_OF_WINDOWS = (0x9C9C, 0x9C9B, 0x9C9F)
# What software writes about itself is not a person's description.
_BY_SOFTWARE = re.compile(
    r"creator: |created (with|by|using) |file (written|source)|lead technologies|applemark|intel\(r\)|"
    r"handmade software|"
    r"(optimi[sz]ed|compressed|processed|generated|converted|edited|resized|made) (with|by|using|on) |"
    r"gif (created|made|converted)|lavc\d|ffmpeg|jpeg encoder|software: |xv version|cs=",
    re.IGNORECASE,
)


@dataclass
class Fields:
    """The raw fields of a photo that can hold text."""

    exif: list[bytes | Image.Exif] = field(default_factory=list)
    iptc: list[bytes] = field(default_factory=list)
    """IPTC's data sets, or what they lie in, such as Photoshop's resources."""
    comments: list[bytes | str] = field(default_factory=list)

    def descriptions(self) -> list[str]:
        """The words in them. Damaged fields say nothing, or what they said before the damage."""
        found: list[str] = []
        for comment in self.comments:
            found += [text for text in [_text(comment)] if not _BY_SOFTWARE.match(text)]
        for data in self.iptc:
            found += map(_text, _iptc_captions(data))
        for exif in self.exif:
            found += _in_exif(exif)
        return [text for text in found if text]


def _in_exif(exif: bytes | Image.Exif) -> Iterator[str]:
    if isinstance(exif, bytes):
        tags = Image.Exif()
        with suppress(Exception):  # whatever damaged tags make of it
            tags.load(exif)
    else:
        tags = exif
    with suppress(Exception):
        yield _text(tags.get(ExifTags.Base.ImageDescription) or "")
    for number in _OF_WINDOWS:
        with suppress(Exception):
            yield _text(_bytes(tags[number]).decode("utf-16-le", "replace"))
    with suppress(Exception):
        yield _user_comment(_bytes(tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]), tags.endian)


def _user_comment(data: bytes, order: str | None) -> str:
    """Exif's comment, which begins with the name of its encoding; cameras fill it with blanks, or what is no text."""
    encoding = _CODES.get(data[:8])
    body = data if encoding is None else data[8:]
    if encoding == "utf-16":
        encoding = "utf-16-be" if order == ">" and body[:2] != b"\xff\xfe" else "utf-16-le"
    text = _text(body.decode(encoding or "utf-8", "replace").lstrip("\ufeff"))
    says = all(character.isprintable() or character.isspace() for character in text) and "\ufffd" not in text
    return text if says else ""


def _iptc_captions(data: bytes) -> Iterator[bytes]:
    """The captions among IPTC's data sets, which are looked for one by one: those between them may be damaged."""
    at = data.find(_IPTC_CAPTION)
    while at >= 0:
        length, start = int.from_bytes(data[at + 3 : at + 5], "big"), at + 5
        if length & 0x8000:  # the length of the length
            start += length & 0x7FFF
            length = int.from_bytes(data[at + 5 : start], "big")
        yield data[start : start + length]
        at = data.find(_IPTC_CAPTION, at + 3)


def _bytes(value: object) -> bytes:
    """The bytes of a tag, whatever type it has."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("latin-1", "replace")
    if isinstance(value, tuple):
        return b"".join(struct.pack("<I", number) if number > 255 else bytes([number]) for number in value)
    return b""


def _text(words: bytes | str) -> str:
    """Words as text without what is around them: UTF-8, which Exif's reader takes for Latin-1, or Latin-1."""
    if isinstance(words, str):
        try:
            words = words.encode("latin-1")
        except UnicodeEncodeError:
            return str(words).strip("\0 \t\r\n")
    try:
        text = words.decode()
    except UnicodeDecodeError:
        text = words.decode("latin-1")
    return text.replace("\0", " ").strip()
