"""The affine layer, x w + b: of one vector a photo, and of one vector a time step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, overload

from showtell.nn.caches import AffineCache, check_cache
from showtell.nn.choices import Precision
from showtell.nn.functional.checks import check_arrays, check_precision
from showtell.nn.types import Array


@dataclass(frozen=True)
class Cache(AffineCache):
    """What the forwards keep: their arguments."""

    x: Array
    w: Array


class Affine:
    """x w + b with weights that stay as they are, for many calls: of a captioner, say, that is not trained any more.

    Args:
        w: weights, (D, M).
        b: bias, (M,).
        precision: `"float32"`; the compiled layers have others.

    Raises:
        ShowtellError: shapes or dtypes do not fit together.
    """

    def __init__(self, w: Array, b: Array, *, precision: Precision = "float32") -> None:
        check_precision("Affine", precision)
        check_arrays("Affine", w=(w, "D M"), b=(b, "M"))
        self.w, self.b = w, b

    def __call__(self, x: Array) -> Array:
        """(N, d_1, ..., d_k) -> (N, M), as `affine_forward`.

        Raises:
            ShowtellError: shapes or dtypes do not fit together.
        """
        rows = _rows(x)
        check_arrays("Affine", x=(rows, "N D"), w=(self.w, "D M"))
        return rows @ self.w + self.b


def affine_forward(x: Array, w: Array, b: Array, *, precision: Precision = "float32") -> tuple[Array, Cache]:
    """x w + b.

    Args:
        x: inputs, (N, d_1, ..., d_k); each is taken as one row of D = d_1 * ... * d_k numbers.
        w: weights, (D, M).
        b: bias, (M,).
        precision: `"float32"`; the compiled layers have others.

    Returns:
        out (N, M), and the cache for `affine_backward`.

    Raises:
        ShowtellError: shapes or dtypes do not fit together.
    """
    check_precision("affine_forward", precision)
    rows = _rows(x)
    check_arrays("affine_forward", x=(rows, "N D"), w=(w, "D M"), b=(b, "M"))
    return rows @ w + b, Cache("affine_forward", x, w)


@overload
def affine_backward(
    dout: Array, cache: AffineCache, *, with_dx: Literal[True] = True
) -> tuple[Array, Array, Array]: ...
@overload
def affine_backward(dout: Array, cache: AffineCache, *, with_dx: bool) -> tuple[Array | None, Array, Array]: ...
def affine_backward(dout: Array, cache: AffineCache, *, with_dx: bool = True) -> tuple[Array | None, Array, Array]:
    """Backward of `affine_forward`: dout (N, M) -> dx, dw, db, shaped as the arguments.

    Where x is not learnt, `with_dx=False` saves its gradient: dx is then None.
    """
    kept = check_cache("affine_backward", cache, Cache)
    x, w, rows = kept.x, kept.w, _rows(kept.x)
    check_arrays("affine_backward", x=(rows, "N D"), w=(w, "D M"), dout=(dout, "N M"))
    dx = (dout @ w.T).reshape(x.shape) if with_dx else None
    return dx, rows.T @ dout, dout.sum(axis=0)


def temporal_affine_forward(x: Array, w: Array, b: Array) -> tuple[Array, Cache]:
    """x_t w + b at every time step.

    Args:
        x: inputs, (N, T, D).
        w: weights, (D, M).
        b: bias, (M,).

    Returns:
        out (N, T, M), and the cache for `temporal_affine_backward`.

    Raises:
        ShowtellError: shapes or dtypes do not fit together.
    """
    size = check_arrays("temporal_affine_forward", x=(x, "N T D"), w=(w, "D M"), b=(b, "M"))
    N, T, D, M = size["N"], size["T"], size["D"], size["M"]
    return (x.reshape(N * T, D) @ w + b).reshape(N, T, M), Cache("temporal_affine_forward", x, w)


def temporal_affine_backward(dout: Array, cache: AffineCache) -> tuple[Array, Array, Array]:
    """Backward of `temporal_affine_forward`: dout (N, T, M) -> dx, dw, db, shaped as the arguments."""
    kept = check_cache("temporal_affine_backward", cache, Cache)
    x, w = kept.x, kept.w
    size = check_arrays("temporal_affine_backward", x=(x, "N T D"), w=(w, "D M"), dout=(dout, "N T M"))
    N, T, D, M = size["N"], size["T"], size["D"], size["M"]
    flat = dout.reshape(N * T, M)
    return (flat @ w.T).reshape(x.shape), x.reshape(N * T, D).T @ flat, flat.sum(axis=0)


def _rows(x: Array) -> Array:
    return x.reshape(x.shape[0], math.prod(x.shape[1:])) if x.ndim > 2 else x
