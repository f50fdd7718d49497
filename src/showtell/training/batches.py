"""Batching: all captions of a photo are in the same batch, so that its grid is processed once."""

from __future__ import annotations

import numpy as np

from showtell.nn.types import IntArray
from showtell.text.vocabulary import PAD

# How often a photo of a small data set occurs in an epoch, at most
_MAX_REPEATS = 2.0


def epoch_photos(sets: IntArray, rng: np.random.Generator) -> IntArray:
    """The photos of an epoch in random order; smaller data sets are oversampled.

    Each photo of the largest data set occurs once. Photos of a smaller one are repeated up to the same number, but at
    most twice; a fractional repetition is a random subset, drawn again in each epoch.

    Args:
        sets: which data set each photo is of, (P,).
        rng: where the order comes from.

    Returns:
        Photos, 0 to P - 1, (at least P,).
    """
    chosen = [np.arange(len(sets))]
    sizes = np.bincount(sets)
    for number in np.unique(sets):
        own = np.flatnonzero(sets == number)
        more = round((min(sizes.max() / len(own), _MAX_REPEATS) - 1) * len(own))
        chosen.append(rng.choice(own, more, replace=False))
    photos: IntArray = rng.permutation(np.concatenate(chosen))
    return photos


def photo_batches(photos: IntArray, captions: IntArray, size: int) -> list[IntArray]:
    """Photos in batches, in their order: photos are added to a batch until it has `size` captions.

    Args:
        photos: any numbers, (any,).
        captions: how many captions each has, (any,).
        size: captions of a batch.
    """
    batches: list[IntArray] = []
    start, held = 0, 0
    for place, count in enumerate(captions.tolist(), start=1):
        held += count
        if held >= size:
            batches.append(photos[start:place])
            start, held = place, 0
    return [*batches, photos[start:]] if held else batches


def trim(captions: IntArray) -> IntArray:
    """Drop the columns at the end that are padding in every row: (N, T + 1) -> (N, T' + 1)."""
    used = np.flatnonzero((captions != PAD).any(axis=0))
    return captions[:, : used[-1] + 1] if used.size else captions[:, :0]
