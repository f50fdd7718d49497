"""Which captions make a batch: those of like length, so that little of it is padding."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from showtell.text.vocabulary import PAD

IntArray: TypeAlias = NDArray[np.integer[Any]]

# Batches whose captions are sorted together: more pad less, fewer mix lengths better.
_POOL = 50


def length_batches(lengths: IntArray, size: int, rng: np.random.Generator) -> list[IntArray]:
    """The indices 0 to len(lengths) - 1, each once, in batches of `size` (a pool's last may be smaller).

    They are shuffled, cut into pools of 50 batches, and sorted by length within a pool; then the batches are shuffled.
    """
    order = rng.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), size * _POOL):
        pool = order[start : start + size * _POOL]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[first : first + size] for first in range(0, len(pool), size)]
    return [batches[index] for index in rng.permutation(len(batches))]


def trim(captions: IntArray) -> IntArray:
    """Drop the columns at the end that are padding in every row: (N, T + 1) -> (N, T' + 1)."""
    used = np.flatnonzero((captions != PAD).any(axis=0))
    return captions[:, : used[-1] + 1] if used.size else captions[:, :0]
