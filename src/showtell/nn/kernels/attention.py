"""Attention, compiled (native/attention.hpp): a photo's queries together, its keys and values packed once."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from showtell.nn import caches
from showtell.nn.caches import check_cache
from showtell.nn.functional.attention import check_attention
from showtell.nn.functional.checks import check_arrays
from showtell.nn.kernels.library import AttentionArguments, dtype_code, kernels_of, native, threads_for
from showtell.nn.kernels.workspace import contiguous, frozen, pointer
from showtell.nn.types import Array, IntArray


@dataclass(frozen=True)
class AttentionCache(caches.AttentionCache):
    """What the forward keeps: its arguments, the queries by photo, and the weights (R, heads, P)."""

    q: Array
    k: Array
    v: Array
    order: NDArray[np.int64]
    first: NDArray[np.int64]


def attention_forward(q: Array, k: Array, v: Array, photo: IntArray, heads: int = 1) -> tuple[Array, AttentionCache]:
    """See `showtell.nn.functional.attention_forward`."""
    check_attention("attention_forward", q, k, v, photo, heads)
    q, k, v = map(contiguous, (q, k, v))
    order = np.argsort(photo, kind="stable").astype(np.int64)
    first = np.searchsorted(photo[order], np.arange(len(k) + 1)).astype(np.int64)
    weights = np.empty((len(q), heads, k.shape[1]), q.dtype)
    cache = AttentionCache("attention_forward", weights, q, k, v, frozen(order), frozen(first))
    context = np.empty_like(q)
    _call(cache, context=pointer(context))
    return context, cache


def attention_backward(dcontext: Array, cache: caches.AttentionCache) -> tuple[Array, Array, Array]:
    """See `showtell.nn.functional.attention_backward`."""
    kept = check_cache("attention_backward", cache, AttentionCache)
    check_arrays("attention_backward", q=(kept.q, "R A"), dcontext=(dcontext, "R A"))
    dcontext = contiguous(dcontext)
    dq, dk, dv = map(np.empty_like, (kept.q, kept.k, kept.v))
    _call(kept, dcontext=pointer(dcontext), dq=pointer(dq), dk=pointer(dk), dv=pointer(dv))
    return dq, dk, dv


def _call(cache: AttentionCache, **pointers: int) -> None:
    R, heads, positions = cache.weights.shape
    A = cache.q.shape[1]
    arguments = AttentionArguments(
        R=R, photos=len(cache.k), positions=positions, heads=heads, d=A // heads,
        order=pointer(cache.order), first=pointer(cache.first), q=pointer(cache.q), k=pointer(cache.k),
        v=pointer(cache.v), weights=pointer(cache.weights), **pointers,
    )  # fmt: skip
    kernels = kernels_of(dtype_code(cache.q.dtype))
    native().showtell_attention(kernels, ctypes.byref(arguments), threads_for(R * positions * A))
