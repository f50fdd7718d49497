from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from showtell.vision.augmentation import augment

# Red on the left, blue on the right
HALVES = Image.fromarray(np.repeat(np.array([[[200, 40, 40]] * 40 + [[40, 40, 200]] * 40], np.uint8), 60, axis=0))


def test_the_same_seed_gives_the_same_photo() -> None:
    one, two, three = (augment(HALVES, 32, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == (32, 32, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, three)


@pytest.mark.parametrize("mirror", [True, False])
def test_a_photo_is_mirrored_half_of_the_time_if_it_may_be(mirror: bool) -> None:
    photos = [augment(HALVES, 16, np.random.default_rng(seed), mirror=mirror).astype(int) for seed in range(200)]
    turned = sum(photo[:, 0, 2].mean() > photo[:, 0, 0].mean() for photo in photos)
    assert 70 < turned < 130 if mirror else turned == 0


def test_most_of_the_photo_stays() -> None:
    """Of every photo there is at least 60 % of the area, so both halves are seen."""
    for seed in range(100):
        photo = augment(HALVES, 16, np.random.default_rng(seed)).astype(int)
        red = (photo[..., 0] > photo[..., 2]).mean()
        assert 0.1 < red < 0.9


def test_a_photo_of_one_pixel() -> None:
    assert augment(Image.new("RGB", (1, 1)), 8, np.random.default_rng(0)).shape == (8, 8, 3)
