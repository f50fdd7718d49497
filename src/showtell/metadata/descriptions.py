"""Existing descriptions of a photo, in the photo itself and in sidecars."""

from __future__ import annotations

import io
import warnings
from contextlib import suppress
from dataclasses import dataclass, field

from PIL import ExifTags, Image

from showtell.metadata.container import container_of
from showtell.metadata.fields import Fields
from showtell.metadata.gif import comments
from showtell.metadata.xmp import DESCRIPTION, PROPERTIES, Packet
from showtell.vision.formats import pillow_formats

_TIFF_XMP, _TIFF_IPTC, _TIFF_PHOTOSHOP = 700, 33723, 34377


@dataclass
class ExistingDescriptions:
    """The texts of a photo, by property, and those that showtell wrote itself."""

    texts: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in PROPERTIES})
    ours: set[str] = field(default_factory=set)

    def add(self, packet: Packet) -> None:
        """Add the texts of a packet.

        Raises:
            PhotoError: the packet has a property twice.
        """
        for name, texts in self.texts.items():
            texts.append(packet.text(name))
        self.texts[DESCRIPTION] += packet.other_descriptions()
        self.ours.add(packet.record().get("Caption", ""))

    def add_photo(self, name: str, data: bytes) -> None:
        """Add the texts of a photo's own XMP, and the descriptions in its Exif, IPTC and comments.

        Raises:
            PhotoError: the photo, or its XMP, is damaged.
        """
        container = container_of(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is no fault
            if container is None:
                packets, fields = _by_pillow(name, data)
            else:
                packets, fields = container.packets(name, data), container.fields(name, data)
            for packet in packets:
                self.add(Packet.parse(name, packet))
            self.texts[DESCRIPTION] += fields.descriptions()

    def by_people(self, property: str) -> str:
        """The first text of a property that showtell did not write; empty if there is none."""
        return next((text for text in self.texts[property] if text and text not in self.ours), "")


def _by_pillow(name: str, data: bytes) -> tuple[list[bytes], Fields]:
    """The XMP and the fields of a photo in another format, read by Pillow; damaged fields are ignored."""
    file, packets, fields = io.BytesIO(data), [], Fields()
    with suppress(Exception), Image.open(file, formats=pillow_formats(name, file)) as image:
        exif = image.getexif()
        exif.get_ifd(ExifTags.IFD.Exif)  # as long as the file is open
        fields.exif.append(exif)
        packet = image.info.get("xmp") or exif.get(_TIFF_XMP)
        packets = [packet] if isinstance(packet, bytes) else []
        # as they are in the file: some programs write them as numbers, of which Pillow gives the first
        raw = getattr(getattr(image, "tag_v2", None), "_tagdata", {})
        fields.iptc += [raw[tag] for tag in (_TIFF_IPTC, _TIFF_PHOTOSHOP) if tag in raw]
        if image.format == "GIF":
            fields.comments += comments(data)
    return packets, fields
