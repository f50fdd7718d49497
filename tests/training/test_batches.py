from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from showtell.training.batches import length_batches, trim


@given(lengths=st.lists(st.integers(2, 22), max_size=300), size=st.integers(1, 9), seed=st.integers(0, 5))
def test_every_caption_is_there_once(lengths: list[int], size: int, seed: int) -> None:
    batches = length_batches(np.array(lengths, int), size, np.random.default_rng(seed))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(0 < len(batch) <= size for batch in batches)


def test_little_is_padding() -> None:
    rng = np.random.default_rng(0)
    lengths = np.clip(np.rint(rng.normal(12, 4, 6_000)), 3, 22).astype(int)
    batches = length_batches(lengths, 32, rng)
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    assert lengths.sum() / padded > 0.97
    # and not every epoch the same
    assert not np.array_equal(batches[0], length_batches(lengths, 32, rng)[0])


def test_trim() -> None:
    captions = np.array([[1, 5, 2, 0, 0], [1, 5, 6, 2, 0]])
    np.testing.assert_array_equal(trim(captions), captions[:, :4])
    assert trim(np.zeros((2, 3), int)).shape == (2, 0)
    assert trim(np.zeros((0, 3), int)).shape == (0, 0)
