from __future__ import annotations

import pytest

from showtell.metadata import jpeg, png, webp
from showtell.metadata.container import container_of


def test_formats_are_told_by_their_bytes(saved) -> None:
    assert container_of(saved("JPEG")) is jpeg
    assert container_of(saved("PNG")) is png
    assert container_of(saved("WEBP")) is webp


@pytest.mark.parametrize("format", ["TIFF", "BMP", "GIF"])
def test_nothing_is_embedded_in_others(saved, format: str) -> None:
    assert container_of(saved(format)) is None
    assert container_of(b"") is None
    assert container_of(b"RIFF\4\0\0\0WAVE") is None
