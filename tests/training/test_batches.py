from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from showtell.training.batches import photo_batches, trim


@given(photo=st.lists(st.integers(0, 40), max_size=200), size=st.integers(1, 30), seed=st.integers(0, 5))
def test_every_caption_is_there_once_and_photos_are_whole(photo: list[int], size: int, seed: int) -> None:
    of_caption = np.array(photo, int)
    batches = photo_batches(of_caption, size, np.random.default_rng(seed))
    assert sorted(index for batch in batches for index in batch) == list(range(len(photo)))
    photos = [set(of_caption[batch].tolist()) for batch in batches]
    assert sum(map(len, photos)) == len(set(photo))
    assert all(len(batch) >= size for batch in batches[:-1])
    assert all(0 < len(batch) < size + len(photo) for batch in batches)


def test_not_every_epoch_is_the_same() -> None:
    rng, photo = np.random.default_rng(0), np.repeat(np.arange(500), 5)
    one, two = photo_batches(photo, 32, rng), photo_batches(photo, 32, rng)
    assert not np.array_equal(one[0], two[0])
    assert {len(batch) for batch in one} == {35, 15}


def test_trim() -> None:
    captions = np.array([[1, 5, 2, 0, 0], [1, 5, 6, 2, 0]])
    np.testing.assert_array_equal(trim(captions), captions[:, :4])
    assert trim(np.zeros((2, 3), int)).shape == (2, 0)
    assert trim(np.zeros((0, 3), int)).shape == (0, 0)
