"""Inverted dropout (Srivastava et al. 2014, JMLR 15): the mean stays, so that nothing is scaled at test time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from showtell.errors import ShowtellError
from showtell.nn.caches import DropoutCache, check_cache
from showtell.nn.functional.checks import check_alike
from showtell.nn.types import Array


@dataclass(frozen=True)
class Cache(DropoutCache):
    """What each number was multiplied by: 0 or 1 / (1 - p), shaped as x."""

    scale: Array


def dropout_forward(x: Array, p: float, rng: np.random.Generator) -> tuple[Array, Cache]:
    """Set each number to zero with probability `p`, and divide the others by 1 - p.

    Args:
        x: numbers of any shape.
        p: the probability of being dropped, 0 <= p < 1.
        rng: where the randomness comes from; the same state drops the same places in float32 and float64.

    Returns:
        out, shaped as x, and the cache for `dropout_backward`.

    Raises:
        ShowtellError: x is not of float32 or float64, or p is out of range.
    """
    check_alike("dropout_forward", x=x)
    check_share(p)
    scale = (rng.random(x.shape, dtype=np.float32) >= p) * x.dtype.type(1 / (1 - p))
    return x * scale, Cache("dropout_forward", scale)


def dropout_backward(dout: Array, cache: DropoutCache) -> Array:
    """Backward of `dropout_forward`: dout -> dx, both shaped as x."""
    scale = check_cache("dropout_backward", cache, Cache).scale
    check_alike("dropout_backward", x=scale, dout=dout)
    return dout * scale


def check_share(p: float) -> None:
    """Check the share that is dropped.

    Raises:
        ShowtellError: it is not in 0 <= p < 1.
    """
    if not (isinstance(p, float | int | np.floating) and 0 <= p < 1):
        raise ShowtellError(f"dropout_forward: p is {p!r:.60}, expected 0 <= p < 1 (the share that is dropped)")
