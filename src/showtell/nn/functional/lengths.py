"""Captions of different lengths in one batch: what lies after a caption's end is padding and counts for nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from showtell.errors import ShowtellError
from showtell.nn.functional.checks import ShapeError, check_integers
from showtell.nn.types import IntArray


def check_lengths(function: str, lengths: IntArray, N: int, T: int) -> None:
    """Check that there is a length for each of N captions, from 0 to T.

    Raises:
        ShowtellError: another shape, another dtype than an integer's, or a length out of range.
    """
    check_integers(function, "lengths", lengths)
    if lengths.shape != (N,):
        raise ShapeError(f"{function}: lengths has shape {lengths.shape}, expected {(N,)} = (N,)")
    if N and not 0 <= lengths.min() <= lengths.max() <= T:
        raise ShowtellError(f"{function}: lengths are {lengths.min()} to {lengths.max()}, expected 0 to T = {T}")


def length_mask(function: str, lengths: IntArray | None, N: int, T: int) -> NDArray[np.bool_]:
    """True at the steps of each caption, false after its end: (T, N, 1), or (T, 1, 1) if all are as long as T."""
    if lengths is None:
        return np.ones((T, 1, 1), bool)
    check_lengths(function, lengths, N, T)
    mask: NDArray[np.bool_] = (np.arange(T)[:, None] < lengths)[..., None]
    return mask
