"""Inverted dropout (Srivastava et al. 2014, JMLR 15): the mean stays, so that nothing is scaled at test time."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from showtell.errors import ShowtellError
from showtell.functional.checks import Array

Cache: TypeAlias = Array


def dropout_forward(x: Array, p: float, rng: np.random.Generator) -> tuple[Array, Cache]:
    """Set each number to zero with probability `p`, and divide the others by 1 - p.

    Args:
        x: numbers of any shape.
        p: the probability of being dropped, 0 <= p < 1.
        rng: where the randomness comes from; the same state drops the same places in float32 and float64.

    Returns:
        out, shaped as x, and the cache for `dropout_backward`.

    Raises:
        ShowtellError: p is out of range.
    """
    if not 0 <= p < 1:
        raise ShowtellError(f"dropout_forward: p is {p}, expected 0 <= p < 1 (the share that is dropped)")
    scale = (rng.random(x.shape, dtype=np.float32) >= p) * x.dtype.type(1 / (1 - p))
    return x * scale, scale


def dropout_backward(dout: Array, cache: Cache) -> Array:
    """Backward of `dropout_forward`: dout -> dx, both shaped as x."""
    return dout * cache
