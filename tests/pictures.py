"""Pictures that are made: in two colours, as one in a single colour is not captioned."""

from __future__ import annotations

from PIL import Image


def in_halves(width: int, height: int, left: str | tuple[int, int, int] = "black") -> Image.Image:
    """A picture whose right half is white."""
    picture = Image.new("RGB", (width, height), left)
    picture.paste("white", (width // 2, 0, width, height))
    return picture
