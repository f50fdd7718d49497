"""Inverted dropout, compiled (native/elementwise.hpp): the mask is drawn where it is needed and kept nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from showtell.nn import caches
from showtell.nn.caches import check_cache
from showtell.nn.functional.checks import DTypeError, ShapeError, check_alike
from showtell.nn.functional.dropout import check_share
from showtell.nn.kernels.library import dtype_code, kernels_of, native, threads_for
from showtell.nn.kernels.workspace import contiguous, pointer
from showtell.nn.types import Array


@dataclass(frozen=True)
class DropoutCache(caches.DropoutCache):
    """What decides which numbers are dropped."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    p: float
    seed: int


def dropout_forward(x: Array, p: float, rng: np.random.Generator) -> tuple[Array, DropoutCache]:
    """See `showtell.nn.functional.dropout_forward`; `rng` is asked once."""
    check_alike("dropout_forward", x=x)
    check_share(p)
    cache = DropoutCache("dropout_forward", x.shape, x.dtype, float(p), int(rng.integers(2**64, dtype=np.uint64)))
    return _dropout(x, cache), cache


def dropout_backward(dout: Array, cache: caches.DropoutCache) -> Array:
    """See `showtell.nn.functional.dropout_backward`."""
    kept = check_cache("dropout_backward", cache, DropoutCache)
    check_alike("dropout_backward", dout=dout)
    if dout.shape != kept.shape:
        raise ShapeError(f"dropout_backward: dout has shape {dout.shape}, expected {kept.shape} as x")
    if dout.dtype != kept.dtype:
        raise DTypeError(f"dropout_backward: dout has dtype {dout.dtype}, expected {kept.dtype} as x")
    return _dropout(dout, kept)


def _dropout(x: Array, cache: DropoutCache) -> Array:
    flat = contiguous(x).reshape(-1)
    y = np.empty_like(flat)
    arguments = (pointer(flat), pointer(y), flat.size, cache.p, cache.seed, threads_for(10 * flat.size))
    native().showtell_dropout(kernels_of(dtype_code(x.dtype)), *arguments)
    return y.reshape(x.shape)
