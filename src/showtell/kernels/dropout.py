"""Inverted dropout, compiled (native/elementwise.hpp): the mask is drawn where it is needed and kept nowhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from showtell.errors import ShowtellError
from showtell.functional.checks import Array, check_arrays
from showtell.kernels.library import native, numbers_of, threads_for
from showtell.kernels.memory import pointer


@dataclass(frozen=True)
class Cache:
    """What decides which numbers are dropped."""

    p: float
    seed: int


def dropout_forward(x: Array, p: float, rng: np.random.Generator) -> tuple[Array, Cache]:
    """See `showtell.functional.dropout_forward`; `rng` is asked once."""
    if not 0 <= p < 1:
        raise ShowtellError(f"dropout_forward: p is {p}, expected 0 <= p < 1 (the share that is dropped)")
    cache = Cache(p, int(rng.integers(2**64, dtype=np.uint64)))
    return _dropout(x, cache), cache


def dropout_backward(dout: Array, cache: Cache) -> Array:
    """See `showtell.functional.dropout_backward`."""
    return _dropout(dout, cache)


def _dropout(x: Array, cache: Cache) -> Array:
    flat = np.ascontiguousarray(x).reshape(-1)
    check_arrays("dropout", x=(flat, "N"))
    y = np.empty_like(flat)
    arguments = (pointer(flat), pointer(y), flat.size, cache.p, cache.seed, threads_for(10 * flat.size))
    native().showtell_dropout(numbers_of(x.dtype), *arguments)
    return y.reshape(x.shape)
