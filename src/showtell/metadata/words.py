"""What is already said of a photo, in the photo itself and beside it."""

from __future__ import annotations

import io
import warnings
from contextlib import suppress
from dataclasses import dataclass, field

from PIL import ExifTags, Image, IptcImagePlugin

from showtell.metadata.container import container_of
from showtell.metadata.xmp import DESCRIPTION, PROPERTIES, Packet

_IPTC_CAPTION = (2, 120)
_TIFF_XMP = 700


@dataclass
class Words:
    """Texts of a photo, by property, and those that we wrote ourselves."""

    texts: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in PROPERTIES})
    ours: set[str] = field(default_factory=set)

    def add(self, packet: Packet) -> None:
        """Count what a packet says.

        Raises:
            PhotoError: the packet has a property twice.
        """
        for name, texts in self.texts.items():
            texts.append(packet.text(name))
        self.ours.add(packet.record().get("Caption", ""))

    def add_photo(self, name: str, data: bytes) -> None:
        """Count what a photo's own XMP says, and the description in its Exif, IPTC or PNG fields.

        Raises:
            PhotoError: the photo's XMP is damaged.
        """
        container = container_of(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is no fault
            for packet in _xmp_by_pillow(data) if container is None else container.packets(name, data):
                self.add(Packet.parse(name, packet))
            self.texts[DESCRIPTION] += _descriptions(data)

    def of_people(self, property: str) -> str:
        """The first text of a property that is not ours; empty if there is none."""
        return next((text for text in self.texts[property] if text and text not in self.ours), "")


def _xmp_by_pillow(data: bytes) -> list[bytes]:
    """The XMP of a photo of a format that is none of our own, such as TIFF and HEIC."""
    with suppress(Exception), Image.open(io.BytesIO(data)) as image:  # damaged fields say nothing
        packet = image.info.get("xmp") or image.getexif().get(_TIFF_XMP)
        return [packet] if isinstance(packet, bytes) else []
    return []


def _descriptions(data: bytes) -> list[str]:
    """The descriptions of a photo outside its XMP; damaged fields say nothing about it."""
    found: list[object] = []
    with suppress(Exception), Image.open(io.BytesIO(data)) as image:
        found.append(image.info.get("Description"))  # PNG's
        with suppress(Exception):
            captions = (IptcImagePlugin.getiptcinfo(image) or {}).get(_IPTC_CAPTION)
            found += captions if isinstance(captions, list) else [captions]
        if image.format != "PNG" or "exif" in image.info:  # else it would be decoded to look behind the pixels
            found.append(image.getexif().get(ExifTags.Base.ImageDescription))
    texts = (text.decode(errors="replace") if isinstance(text, bytes) else str(text or "") for text in found)
    return [text.strip() for text in texts]
