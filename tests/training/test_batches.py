from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.training.batches import epoch_photos, photo_batches, trim


@settings(deadline=None)
@given(counts=st.lists(st.integers(0, 5), max_size=100), size=st.integers(1, 30))
def test_every_photo_is_in_one_batch(counts: list[int], size: int) -> None:
    captions = np.array(counts, int)
    batches = photo_batches(np.arange(len(counts)), captions, size)
    photos = np.concatenate([*batches, np.empty(0, int)]).tolist()
    # but photos without captions at the end, which nothing is learnt of
    assert photos == list(range(len(photos)))
    assert not captions[len(photos) :].any()
    assert all(captions[batch].sum() >= size for batch in batches[:-1])
    assert all(captions[batch[:-1]].sum() < size for batch in batches)


def test_a_small_data_set_is_shown_as_often_as_a_large_one_but_twice_at_most() -> None:
    sets = np.repeat([0, 1, 2], [300, 200, 50])
    photos = epoch_photos(sets, np.random.default_rng(0))
    assert np.bincount(sets[photos]).tolist() == [300, 300, 100]
    times = np.bincount(photos)
    assert set(times[:300]) == {1}
    assert set(times[300:500]) == {1, 2}
    assert set(times[500:]) == {2}
    assert not np.array_equal(photos, epoch_photos(sets, np.random.default_rng(1)))


def test_a_data_set_alone_is_shown_once() -> None:
    photos = epoch_photos(np.zeros(20, int), np.random.default_rng(0))
    assert sorted(photos.tolist()) == list(range(20))


def test_trim() -> None:
    captions = np.array([[1, 5, 2, 0, 0], [1, 5, 6, 2, 0]])
    np.testing.assert_array_equal(trim(captions), captions[:, :4])
    assert trim(np.zeros((2, 3), int)).shape == (2, 0)
    assert trim(np.zeros((0, 3), int)).shape == (0, 0)
