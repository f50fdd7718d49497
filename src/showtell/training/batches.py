"""Which captions make a batch: those of the same photos, whose grids are then computed with once."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from showtell.text.vocabulary import PAD

IntArray: TypeAlias = NDArray[np.integer[Any]]


def photo_batches(photo: IntArray, size: int, rng: np.random.Generator) -> list[IntArray]:
    """The captions 0 to len(photo) - 1, each once, in batches of whole photos, in random order.

    Args:
        photo: whose each caption is, (M,), any numbers.
        size: captions of a batch: photos are added until there are so many.
        rng: where the order comes from.
    """
    _, of_photo = np.unique(photo, return_inverse=True)
    by_photo = np.split(np.argsort(of_photo, kind="stable"), np.cumsum(np.bincount(of_photo))[:-1])
    batches: list[IntArray] = []
    batch: list[IntArray] = []
    for index in rng.permutation(len(by_photo) if len(photo) else 0):
        batch.append(by_photo[index])
        if sum(map(len, batch)) >= size:
            batches.append(np.concatenate(batch))
            batch = []
    return [*batches, np.concatenate(batch)] if batch else batches


def trim(captions: IntArray) -> IntArray:
    """Drop the columns at the end that are padding in every row: (N, T + 1) -> (N, T' + 1)."""
    used = np.flatnonzero((captions != PAD).any(axis=0))
    return captions[:, : used[-1] + 1] if used.size else captions[:, :0]
