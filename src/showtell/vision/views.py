"""Augmented views of a photo: mirrored, and random crops."""

from __future__ import annotations

import zlib

import numpy as np
from PIL import Image, ImageOps

UNCROPPED = 2
"""How many views, the first ones, are not cropped."""

# A part has between so much of the photo's area
_AREA = (0.5, 0.95)


def view(photo: Image.Image, number: int) -> Image.Image:
    """View 0 is the photo itself, view 1 its mirror image; all others are random crops, half of them mirrored.

    Deterministic for a photo and number.
    """
    if number < UNCROPPED:
        return ImageOps.mirror(photo) if number else photo
    rng = np.random.default_rng([number, zlib.crc32(photo.tobytes())])
    share = rng.uniform(*_AREA) ** 0.5
    width, height = max(1, round(share * photo.width)), max(1, round(share * photo.height))
    left, top = rng.integers(photo.width - width + 1), rng.integers(photo.height - height + 1)
    part = photo.crop((int(left), int(top), int(left) + width, int(top) + height))
    return ImageOps.mirror(part) if rng.random() < 0.5 else part
