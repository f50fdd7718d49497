"""Random augmentations for fine-tuning the encoder: crops, mirroring, brightness and contrast."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

_CROPPED = 0.7
_AREA = (0.6, 1.0)
_ASPECT = 1.15
_LIGHT = (0.8, 1.2)


def augment(photo: Image.Image, side: int, rng: np.random.Generator, *, mirror: bool = True) -> NDArray[np.uint8]:
    """The photo as an encoder of `side` x `side` pixels gets it, changed at random, (side, side, 3).

    In 7 of 10 cases a random crop of 60 to 100 % of its area, with slightly changed aspect ratio; mirrored half of the
    time, if it may be; brightness and contrast changed by up to 20 %.

    Args:
        photo: of mode RGB.
        side: of the result.
        rng: where the changes come from.
        mirror: whether it may be mirrored: not if a caption tells left from right.
    """
    width, height = photo.size
    box = (0.0, 0.0, float(width), float(height))
    if rng.random() < _CROPPED:
        area, aspect = rng.uniform(*_AREA), np.exp(rng.uniform(-np.log(_ASPECT), np.log(_ASPECT)))
        w, h = min(1.0, (area * aspect) ** 0.5) * width, min(1.0, (area / aspect) ** 0.5) * height
        left, top = rng.uniform(0, width - w), rng.uniform(0, height - h)
        box = (left, top, left + w, top + h)
    part = photo.resize((side, side), Image.Resampling.BICUBIC, box=box)
    if mirror and rng.random() < 0.5:
        part = ImageOps.mirror(part)
    for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast):
        part = kind(part).enhance(float(rng.uniform(*_LIGHT)))
    return np.asarray(part)
