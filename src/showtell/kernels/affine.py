"""The affine layer, compiled (native/affine.hpp)."""

from __future__ import annotations

import ctypes
import math

import numpy as np

from showtell.functional.affine import Cache
from showtell.functional.checks import Array, check_arrays
from showtell.kernels.library import AffineArguments, native, numbers_of, threads_for
from showtell.kernels.memory import pointer


def affine_forward(x: Array, w: Array, b: Array) -> tuple[Array, Cache]:
    """See `showtell.functional.affine_forward`."""
    return _forward("affine_forward", _rows(x), w, b), (x, w)


def affine_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """See `showtell.functional.affine_backward`."""
    x, w = cache
    dx, dw, db = _backward("affine_backward", dout, _rows(x), w)
    return dx.reshape(x.shape), dw, db


def temporal_affine_forward(x: Array, w: Array, b: Array) -> tuple[Array, Cache]:
    """See `showtell.functional.temporal_affine_forward`."""
    check_arrays("temporal_affine_forward", x=(x, "N T D"), w=(w, "D M"), b=(b, "M"))
    return _forward("temporal_affine_forward", _steps(x), w, b).reshape(*x.shape[:2], w.shape[1]), (x, w)


def temporal_affine_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """See `showtell.functional.temporal_affine_backward`."""
    x, w = cache
    check_arrays("temporal_affine_backward", x=(x, "N T D"), w=(w, "D M"), dout=(dout, "N T M"))
    dx, dw, db = _backward("temporal_affine_backward", _steps(dout), _steps(x), w)
    return dx.reshape(x.shape), dw, db


def _rows(x: Array) -> Array:
    return x.reshape(x.shape[0], math.prod(x.shape[1:])) if x.ndim > 2 else x


def _steps(x: Array) -> Array:
    return x.reshape(x.shape[0] * x.shape[1], x.shape[2])


def _forward(function: str, x: Array, w: Array, b: Array) -> Array:
    size = check_arrays(function, x=(x, "N D"), w=(w, "D M"), b=(b, "M"))
    x, w, b = map(np.ascontiguousarray, (x, w, b))
    out = np.empty((size["N"], size["M"]), x.dtype)
    _call(size, x, W=pointer(w), b=pointer(b), y=pointer(out))
    return out


def _backward(function: str, dout: Array, x: Array, w: Array) -> tuple[Array, Array, Array]:
    size = check_arrays(function, x=(x, "N D"), w=(w, "D M"), dout=(dout, "N M"))
    x, w, dout = map(np.ascontiguousarray, (x, w, dout))
    dx, dw, db = np.empty_like(x), np.empty_like(w), np.empty(size["M"], x.dtype)
    _call(size, x, W=pointer(w), dy=pointer(dout), dx=pointer(dx), dW=pointer(dw), db=pointer(db))
    return dx, dw, db


def _call(size: dict[str, int], x: Array, **pointers: int) -> None:
    N, D, M = size["N"], size["D"], size["M"]
    arguments = AffineArguments(N=N, D=D, M=M, x=pointer(x), **pointers)
    if native().showtell_affine(numbers_of(x.dtype), ctypes.byref(arguments), threads_for(N * D * M)):
        raise MemoryError("affine: there is not enough memory for the working arrays")
