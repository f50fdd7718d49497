"""The affine layer, compiled (native/affine.hpp)."""

from __future__ import annotations

import ctypes
import math
from typing import NamedTuple

import numpy as np

from showtell import functional
from showtell.functional.checks import Array, ShapeError, check_arrays
from showtell.kernels.library import AffineArguments, Precision, native, numbers_of, threads_for
from showtell.kernels.memory import Memory, pointer


class Cache(NamedTuple):
    """What a forward keeps for its backward: its arguments, and what its products multiply."""

    x: Array
    w: Array
    precision: Precision


class Affine(functional.Affine):
    """See `showtell.functional.Affine`. The weights are packed once, and read once a call.

    With `precision="bf16"` what is multiplied is rounded to bfloat16.
    """

    def __init__(self, w: Array, b: Array, *, precision: Precision = "float32") -> None:
        super().__init__(w, b)
        self._size, self._numbers = {"D": len(w), "M": len(b)}, numbers_of(w.dtype, precision)
        w, self.b = np.ascontiguousarray(w), np.array(b)
        arguments = AffineArguments(**self._size, W=pointer(w))
        self._packed = Memory(native().showtell_affine_bytes(self._numbers, ctypes.byref(arguments)))
        arguments.packed = self._packed.address
        native().showtell_affine_pack(self._numbers, ctypes.byref(arguments))
        self.w = w[:0]  # they are not needed again

    def __call__(self, x: Array) -> Array:
        """See `showtell.functional.Affine`."""
        rows = _rows(x)
        D = self._size["D"]
        if rows.ndim != 2 or rows.shape[1] != D or rows.dtype != self.b.dtype:
            given = f"x has shape {rows.shape} and dtype {rows.dtype}"
            raise ShapeError(f"Affine: {given}, expected (N, {D}) and {self.b.dtype}")
        rows = np.ascontiguousarray(rows)
        out = np.empty((len(rows), self._size["M"]), rows.dtype)
        size = self._size | {"N": len(rows)}
        _call(size, rows, self._numbers, b=pointer(self.b), y=pointer(out), packed=self._packed.address)
        return out


def affine_forward(x: Array, w: Array, b: Array, *, precision: Precision = "float32") -> tuple[Array, Cache]:
    """See `showtell.functional.affine_forward`.

    With `precision="bf16"` what is multiplied is rounded to bfloat16, forward and backward.
    """
    return _forward("affine_forward", _rows(x), w, b, precision), Cache(x, w, precision)


def affine_backward(dout: Array, cache: Cache, *, with_dx: bool = True) -> tuple[Array | None, Array, Array]:
    """See `showtell.functional.affine_backward`."""
    x, w, precision = cache
    dx, dw, db = _backward("affine_backward", dout, _rows(x), w, precision, with_dx)
    return None if dx is None else dx.reshape(x.shape), dw, db


def temporal_affine_forward(x: Array, w: Array, b: Array) -> tuple[Array, Cache]:
    """See `showtell.functional.temporal_affine_forward`."""
    check_arrays("temporal_affine_forward", x=(x, "N T D"), w=(w, "D M"), b=(b, "M"))
    out = _forward("temporal_affine_forward", _steps(x), w, b, "float32")
    return out.reshape(*x.shape[:2], w.shape[1]), Cache(x, w, "float32")


def temporal_affine_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """See `showtell.functional.temporal_affine_backward`."""
    x, w, precision = cache
    check_arrays("temporal_affine_backward", x=(x, "N T D"), w=(w, "D M"), dout=(dout, "N T M"))
    dx, dw, db = _backward("temporal_affine_backward", _steps(dout), _steps(x), w, precision, True)
    assert dx is not None
    return dx.reshape(x.shape), dw, db


def _rows(x: Array) -> Array:
    return x.reshape(x.shape[0], math.prod(x.shape[1:])) if x.ndim > 2 else x


def _steps(x: Array) -> Array:
    return x.reshape(x.shape[0] * x.shape[1], x.shape[2])


def _forward(function: str, x: Array, w: Array, b: Array, precision: Precision) -> Array:
    size = check_arrays(function, x=(x, "N D"), w=(w, "D M"), b=(b, "M"))
    x, w, b = map(np.ascontiguousarray, (x, w, b))
    out = np.empty((size["N"], size["M"]), x.dtype)
    _call(size, x, numbers_of(x.dtype, precision), W=pointer(w), b=pointer(b), y=pointer(out))
    return out


def _backward(
    function: str, dout: Array, x: Array, w: Array, precision: Precision, with_dx: bool
) -> tuple[Array | None, Array, Array]:
    size = check_arrays(function, x=(x, "N D"), w=(w, "D M"), dout=(dout, "N M"))
    x, w, dout = map(np.ascontiguousarray, (x, w, dout))
    dx, dw, db = np.empty_like(x) if with_dx else None, np.empty_like(w), np.empty(size["M"], x.dtype)
    gradients = {"dW": pointer(dw), "db": pointer(db)} | ({} if dx is None else {"dx": pointer(dx)})
    _call(size, x, numbers_of(x.dtype, precision), W=pointer(w), dy=pointer(dout), **gradients)
    return dx, dw, db


def _call(size: dict[str, int], x: Array, numbers: int, **pointers: int) -> None:
    N, D, M = size["N"], size["D"], size["M"]
    arguments = AffineArguments(N=N, D=D, M=M, x=pointer(x), **pointers)
    if native().showtell_affine(numbers, ctypes.byref(arguments), threads_for(N * D * M)):
        raise MemoryError("affine: there is not enough memory for the working arrays")
