"""Greyscale images with more than 8 bits, converted to RGB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

# Kinds of TIFF that Pillow leaves out of its table, though it has the way to read them: prefix, photometric, format of
# the samples, order of the bits, their number, further samples.
for _prefix, _order in ((b"II", ""), (b"MM", "B")):
    for _key, _mode in (
        ((0, (1,), 1, (16,), ()), (f"I;16{_order}", f"I;16{_order}")),
        ((0, (2,), 1, (16,), ()), ("I", f"I;16{_order}S")),
        ((0, (1,), 1, (32,), ()), ("I", f"I;32{_order}")),
        ((1, (1,), 1, (32,), ()), ("I", f"I;32{_order}")),
        ((0, (2,), 1, (32,), ()), ("I", f"I;32{_order}S")),
    ):
        TiffImagePlugin.OPEN_INFO.setdefault((_prefix, *_key), _mode)
# Pixels turned at a time: copies of the whole in wider numbers would be several times the photo.
_STRIP = 2**20
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_WHITE_IS_ZERO, _UNSIGNED, _SIGNED = 0, 1, 2


def is_deep(image: Image.Image) -> bool:
    """Whether an image is grey with samples that 8 bits without a sign cannot hold."""
    return image.mode.startswith("I;16") or image.mode in ("I", "F") or (image.mode == "L" and _is_signed(image))


def deep_to_rgb(image: Image.Image) -> Image.Image:
    """Return an image that `is_deep` in RGB.

    16 bits without a sign keep their range, and so do TIFF's 12. Of others nobody says what white is: the least sample
    becomes black and the greatest white, samples that are no number black. TIFF's WhiteIsZero is inverted, and the
    one transparent value of PNG is white.
    """
    black, white = _range(image)
    scale = 255 / (white - black) if white > black else 0.0
    turned = image.mode != "L" and _tag(image, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO
    transparent = image.info.get("transparency")
    photo = Image.new("RGB", image.size)
    for top, samples in _strips(image):
        with np.errstate(invalid="ignore"):  # of some numbers that are none the processor says so
            numbers = np.nan_to_num(samples.astype(np.float64), nan=black, posinf=white, neginf=black)
        grey = np.rint((numbers - black) * scale).astype(np.uint8)
        if turned:
            grey = 255 - grey
        if isinstance(transparent, int):
            grey[samples == transparent] = 255
        photo.paste(Image.fromarray(grey), (0, top))
    return photo


def _range(image: Image.Image) -> tuple[float, float]:
    """The samples that are black and white."""
    if image.mode.startswith("I;16") or image.format == "PNG":  # an older Pillow has PNG's 16 bits in mode I
        return 0.0, 4095.0 if _tag(image, _BITS, 16) == 12 else 65535.0
    black, white = np.inf, -np.inf
    for _, samples in _strips(image):
        finite = samples[np.isfinite(samples)]
        if finite.size:
            black, white = min(black, float(finite.min())), max(white, float(finite.max()))
    return (black, white) if black <= white else (0.0, 0.0)


def _strips(image: Image.Image) -> Iterator[tuple[int, NDArray[Any]]]:
    """The samples from top to bottom, some rows at a time, with the number of the first row."""
    rows = max(1, _STRIP // image.width)
    unsigned = image.mode == "I" and _tag(image, _BITS, 0) == 32 and _tag(image, _SAMPLE_FORMAT, 1) == _UNSIGNED
    for top in range(0, image.height, rows):
        samples = np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))
        if unsigned:  # Pillow has only signed ones
            samples = samples.view(np.uint32)
        elif image.mode == "L":
            samples = samples.view(np.int8)
        yield top, samples


def _is_signed(image: Image.Image) -> bool:
    return _tag(image, _SAMPLE_FORMAT, _UNSIGNED) == _SIGNED


def _tag(image: Image.Image, number: int, default: int) -> int:
    """A tag of the TIFF file that an image was read from, or its first value."""
    value = getattr(image, "tag_v2", {}).get(number, default)
    return int(value[0] if isinstance(value, tuple) else value)
