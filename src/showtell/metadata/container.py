"""File formats that XMP can be embedded in, detected by their first bytes."""

from __future__ import annotations

from typing import Protocol

from showtell.metadata import jpeg, png, webp
from showtell.metadata.fields import Fields


class Container(Protocol):
    """The interface of `jpeg`, `png` and `webp`."""

    def packets(self, name: str, data: bytes) -> list[bytes]:
        """The XMP packets in a file, first the one that `embed` replaces."""

    def fields(self, name: str, data: bytes) -> Fields:
        """Other fields of a file that can hold text."""

    def embed(self, name: str, data: bytes, packet: bytes) -> bytes:
        """The file with `packet` as its XMP."""


def container_of(data: bytes) -> Container | None:
    """The module for the format of a file; None if nothing can be embedded in it."""
    if data.startswith(b"\xff\xd8\xff"):
        return jpeg
    if data.startswith(png.SIGNATURE):
        return png
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return webp
    return None
