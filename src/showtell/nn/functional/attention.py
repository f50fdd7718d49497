"""Attention: each query attends to the positions of its photo's grid, and takes of each as much as its key fits.

Scaled dot products (Vaswani et al. 2017, arXiv:1706.03762, section 3.2), as soft attention over a photo (Xu et al.
2015, arXiv:1502.03044). With query q, keys k_p and values v_p of width d:

    s_p = q . k_p / sqrt(d),   a = softmax(s),   context = sum over p of a_p v_p
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from showtell.errors import ShowtellError
from showtell.nn.caches import AttentionCache, check_cache
from showtell.nn.functional.checks import ShapeError, check_arrays, check_integer, check_integers
from showtell.nn.types import Array, IntArray


@dataclass(frozen=True)
class Cache(AttentionCache):
    """What the forward keeps: its arguments, and the weights (R, heads, P)."""

    q: Array
    k: Array
    v: Array
    photo: IntArray


def attention_forward(q: Array, k: Array, v: Array, photo: IntArray, heads: int = 1) -> tuple[Array, Cache]:
    """The context of each query.

    Args:
        q: queries, (R, A).
        k: keys of the positions of M photos' grids, (M, P, A).
        v: their values, (M, P, A).
        photo: which photo each query attends to, (R,), 0 to M - 1.
        heads: parts that the A columns are cut into; each attends on its own, with width A / heads.

    Returns:
        context (R, A), and the cache for `attention_backward`, whose `weights` (R, heads, P) say how much each query
        took of each position.

    Raises:
        ShowtellError: shapes or dtypes do not fit together, there is no position, or heads does not divide A.
        IndexError: there is no such photo.
    """
    d = check_attention("attention_forward", q, k, v, photo, heads)
    context = np.empty_like(q)
    weights = np.empty((len(q), heads, k.shape[1]), q.dtype)
    for rows, queries, keys, values in _by_photo(q, k, v, photo, heads):
        s = queries @ keys.transpose(0, 2, 1) / np.sqrt(d).astype(q.dtype)  # (heads, rows, P)
        a = np.exp(s - s.max(axis=2, keepdims=True))
        a /= a.sum(axis=2, keepdims=True)
        weights[rows] = a.transpose(1, 0, 2)
        context[rows] = (a @ values).transpose(1, 0, 2).reshape(-1, q.shape[1])
    return context, Cache("attention_forward", weights, q, k, v, photo)


def attention_backward(dcontext: Array, cache: AttentionCache) -> tuple[Array, Array, Array]:
    """Backward of `attention_forward`: dcontext (R, A) -> dq, dk, dv, shaped as the arguments."""
    kept = check_cache("attention_backward", cache, Cache)
    q, k, v, photo, weights = kept.q, kept.k, kept.v, kept.photo, kept.weights
    check_arrays("attention_backward", q=(q, "R A"), dcontext=(dcontext, "R A"))
    heads, (P, A) = weights.shape[1], k.shape[1:]
    d = A // heads
    dq, dk, dv = np.empty_like(q), np.zeros_like(k), np.zeros_like(v)
    for rows, queries, keys, values in _by_photo(q, k, v, photo, heads):
        a = weights[rows].transpose(1, 0, 2)  # (heads, rows, P)
        up = _heads(dcontext[rows], heads)
        m = photo[rows[0]]
        # context = a v
        da, dvalues = up @ values.transpose(0, 2, 1), a.transpose(0, 2, 1) @ up
        # a = softmax(s)
        ds = a * (da - (a * da).sum(axis=2, keepdims=True))
        # s = q k^T / sqrt(d)
        ds /= np.sqrt(d).astype(q.dtype)
        dq[rows] = (ds @ keys).transpose(1, 0, 2).reshape(-1, A)
        dk[m] = (ds.transpose(0, 2, 1) @ queries).transpose(1, 0, 2).reshape(P, A)
        dv[m] = dvalues.transpose(1, 0, 2).reshape(P, A)
    return dq, dk, dv


def check_attention(function: str, q: Array, k: Array, v: Array, photo: IntArray, heads: int) -> int:
    """Check the arguments of `attention_forward`; the width of a head.

    Raises:
        ShowtellError: shapes or dtypes do not fit together, there is no position, or heads does not divide A.
        IndexError: there is no such photo.
    """
    size = check_arrays(function, q=(q, "R A"), k=(k, "M P A"), v=(v, "M P A"))
    check_integers(function, "photo", photo)
    if photo.shape != (size["R"],):
        raise ShapeError(f"{function}: photo has shape {photo.shape}, expected {(size['R'],)} = (R,)")
    if photo.size and not 0 <= photo.min() <= photo.max() < size["M"]:
        raise IndexError(
            f"{function}: photo holds {photo.min()} to {photo.max()}, expected 0 to {size['M'] - 1} = M - 1"
        )
    if size["P"] < 1:
        raise ShowtellError(f"{function}: the grids have no position, expected at least one")
    return check_heads(function, heads, size["A"])


def check_heads(function: str, heads: int, A: int) -> int:
    """Check that queries of width A can be cut into `heads` parts; the width of a head.

    Raises:
        ShowtellError: heads is not a divisor of A, or A is 0.
    """
    if A < 1:
        raise ShowtellError(f"{function}: queries, keys and values have width A = 0, expected at least 1")
    if check_integer(function, "heads", heads) < 1 or A % heads:
        raise ShowtellError(f"{function}: heads is {heads}, expected a divisor of A, {A}")
    return A // heads


def _heads(x: Array, heads: int) -> Array:
    """(rows, A) -> (heads, rows, A / heads)."""
    return x.reshape(len(x), heads, -1).transpose(1, 0, 2)


def _by_photo(
    q: Array, k: Array, v: Array, photo: IntArray, heads: int
) -> Iterator[tuple[NDArray[np.intp], Array, Array, Array]]:
    """Of each photo that is attended to: the rows of its queries; these, its keys and its values, head by head."""
    for m in np.unique(photo):
        rows = np.flatnonzero(photo == m)
        yield rows, _heads(q[rows], heads), _heads(k[m], heads), _heads(v[m], heads)
