"""The affine layer, compiled (native/affine.hpp)."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from typing import Literal, overload

import numpy as np

from showtell.nn import caches, functional
from showtell.nn.caches import check_cache
from showtell.nn.choices import Precision
from showtell.nn.functional.checks import check_alike, check_arrays
from showtell.nn.kernels.library import AffineArguments, dtype_code, kernels_of, native, threads_for
from showtell.nn.kernels.workspace import Workspace, contiguous, pointer
from showtell.nn.types import Array


@dataclass(frozen=True)
class AffineCache(caches.AffineCache):
    """What a forward keeps for its backward: its arguments, and what its products multiply."""

    x: Array
    w: Array
    precision: Precision


class Affine(functional.Affine):
    """See `showtell.nn.functional.Affine`. The weights are packed once, and read once a call.

    With `precision="bf16"` what is multiplied is rounded to bfloat16.
    """

    def __init__(self, w: Array, b: Array, *, precision: Precision = "float32") -> None:
        super().__init__(w, b)
        self._size, self._dtype_code = {"D": len(w), "M": len(b)}, dtype_code(w.dtype, precision)
        w, self.b = contiguous(w), np.array(b, order="C")
        arguments, kernels = AffineArguments(**self._size, W=pointer(w)), kernels_of(self._dtype_code)
        self._packed = Workspace(native().showtell_affine_bytes(kernels, ctypes.byref(arguments)), kernels)
        arguments.packed = self._packed.address
        native().showtell_affine_pack(kernels, ctypes.byref(arguments))
        self.w = w[:0]  # they are not needed again

    def __call__(self, x: Array) -> Array:
        """See `showtell.nn.functional.Affine`."""
        rows = _rows("Affine", x)
        size = check_arrays("Affine", {"D": self._size["D"]}, b=(self.b, "M"), x=(rows, "N D"))
        rows, out = contiguous(rows), np.empty((size["N"], size["M"]), rows.dtype)
        kernels = self._packed.kernels_of(self._dtype_code)
        _call(size, rows, kernels, b=pointer(self.b), y=pointer(out), packed=self._packed.address)
        return out


def affine_forward(x: Array, w: Array, b: Array, *, precision: Precision = "float32") -> tuple[Array, AffineCache]:
    """See `showtell.nn.functional.affine_forward`.

    With `precision="bf16"` what is multiplied is rounded to bfloat16, forward and backward.
    """
    out = _forward("affine_forward", _rows("affine_forward", x), w, b, precision)
    return out, AffineCache("affine_forward", x, w, precision)


@overload
def affine_backward(
    dout: Array, cache: caches.AffineCache, *, with_dx: Literal[True] = True
) -> tuple[Array, Array, Array]: ...
@overload
def affine_backward(dout: Array, cache: caches.AffineCache, *, with_dx: bool) -> tuple[Array | None, Array, Array]: ...
def affine_backward(
    dout: Array, cache: caches.AffineCache, *, with_dx: bool = True
) -> tuple[Array | None, Array, Array]:
    """See `showtell.nn.functional.affine_backward`."""
    kept = check_cache("affine_backward", cache, AffineCache)
    rows = _rows("affine_backward", kept.x)
    dx, dw, db = _backward("affine_backward", dout, rows, kept.w, kept.precision, with_dx)
    return None if dx is None else dx.reshape(kept.x.shape), dw, db


def temporal_affine_forward(x: Array, w: Array, b: Array) -> tuple[Array, AffineCache]:
    """See `showtell.nn.functional.temporal_affine_forward`."""
    check_arrays("temporal_affine_forward", x=(x, "N T D"), w=(w, "D M"), b=(b, "M"))
    out = _forward("temporal_affine_forward", _steps(x), w, b, "float32")
    return out.reshape(*x.shape[:2], w.shape[1]), AffineCache("temporal_affine_forward", x, w, "float32")


def temporal_affine_backward(dout: Array, cache: caches.AffineCache) -> tuple[Array, Array, Array]:
    """See `showtell.nn.functional.temporal_affine_backward`."""
    kept = check_cache("temporal_affine_backward", cache, AffineCache)
    x, w = kept.x, kept.w
    check_arrays("temporal_affine_backward", x=(x, "N T D"), w=(w, "D M"), dout=(dout, "N T M"))
    dx, dw, db = _backward("temporal_affine_backward", _steps(dout), _steps(x), w, kept.precision, True)
    assert dx is not None
    return dx.reshape(x.shape), dw, db


def _rows(function: str, x: Array) -> Array:
    check_alike(function, x=x)
    return x.reshape(x.shape[0], math.prod(x.shape[1:])) if x.ndim > 2 else x


def _steps(x: Array) -> Array:
    return x.reshape(x.shape[0] * x.shape[1], x.shape[2])


def _forward(function: str, x: Array, w: Array, b: Array, precision: Precision) -> Array:
    size = check_arrays(function, x=(x, "N D"), w=(w, "D M"), b=(b, "M"))
    x, w, b = map(contiguous, (x, w, b))
    out = np.empty((size["N"], size["M"]), x.dtype)
    _call(size, x, kernels_of(dtype_code(x.dtype, precision)), W=pointer(w), b=pointer(b), y=pointer(out))
    return out


def _backward(
    function: str, dout: Array, x: Array, w: Array, precision: Precision, with_dx: bool
) -> tuple[Array | None, Array, Array]:
    size = check_arrays(function, x=(x, "N D"), w=(w, "D M"), dout=(dout, "N M"))
    x, w, dout = map(contiguous, (x, w, dout))
    dx, dw, db = np.empty_like(x) if with_dx else None, np.empty_like(w), np.empty(size["M"], x.dtype)
    gradients = {"dW": pointer(dw), "db": pointer(db)} | ({} if dx is None else {"dx": pointer(dx)})
    _call(size, x, kernels_of(dtype_code(x.dtype, precision)), W=pointer(w), dy=pointer(dout), **gradients)
    return dx, dw, db


def _call(size: dict[str, int], x: Array, kernels: int, **pointers: int) -> None:
    N, D, M = size["N"], size["D"], size["M"]
    arguments = AffineArguments(N=N, D=D, M=M, x=pointer(x), **pointers)
    native().showtell_affine(kernels, ctypes.byref(arguments), threads_for(N * D * M))
