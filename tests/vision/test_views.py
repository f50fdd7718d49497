from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from showtell.vision.views import UNCROPPED, view


def photo(width: int = 60, height: int = 40) -> Image.Image:
    """Every pixel another colour."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack([x, y, np.zeros_like(x)], axis=2).astype(np.uint8))


def test_the_first_views_show_the_whole_photo() -> None:
    assert view(photo(), 0).tobytes() == photo().tobytes()
    assert view(photo(), 1).tobytes() == ImageOps.mirror(photo()).tobytes()


def test_other_views_are_crops_and_some_are_mirrored() -> None:
    mirrored = []
    for number in range(UNCROPPED, 30):
        pixels = np.asarray(view(photo(), number)).astype(int)
        height, width, _ = pixels.shape
        assert 0.45 < width * height / (60 * 40) < 1
        assert width / height == pytest.approx(1.5, abs=0.06)
        mirrored.append(pixels[0, 0, 0] > pixels[0, -1, 0])
        columns = pixels[0, ::-1, 0] if mirrored[-1] else pixels[0, :, 0]
        assert set(np.diff(columns)) == {1}
        assert set(np.diff(pixels[:, 0, 1])) == {1}
    assert 5 < sum(mirrored) < 23


def test_a_view_is_always_the_same_and_of_another_photo_another() -> None:
    assert view(photo(), 2).tobytes() == view(photo(), 2).tobytes()
    assert view(photo(), 2).tobytes() != view(photo(), 3).tobytes()
    assert view(photo(), 2).size != view(ImageOps.invert(photo()), 2).size


@pytest.mark.parametrize("number", range(5))
def test_a_photo_of_one_pixel_has_views_too(number: int) -> None:
    assert view(photo(1, 1), number).size == (1, 1)
