"""Word embedding: a row of a matrix for each word id."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from showtell.nn.caches import EmbeddingCache, check_cache
from showtell.nn.functional.checks import ShapeError, check_arrays, check_integers
from showtell.nn.types import Array, IntArray


@dataclass(frozen=True)
class Cache(EmbeddingCache):
    """What the forward keeps: its arguments."""

    x: IntArray
    W: Array


def word_embedding_forward(x: IntArray, W: Array) -> tuple[Array, Cache]:
    """The embeddings of word ids.

    Args:
        x: word ids, integers in 0..V-1, (N, T).
        W: embeddings, (V, D).

    Returns:
        out (N, T, D), and the cache for `word_embedding_backward`.

    Raises:
        ShowtellError: x is not of integers, or of other than two axes; W of other than two.
        IndexError: an id is negative or not below V.
    """
    V = check_arrays("word_embedding_forward", W=(W, "V D"))["V"]
    check_ids("word_embedding_forward", x, V)
    if x.ndim != 2:
        raise ShapeError(f"word_embedding_forward: x has shape {x.shape}, expected (N, T)")
    return W[x], Cache("word_embedding_forward", x, W)


def word_embedding_backward(dout: Array, cache: EmbeddingCache) -> Array:
    """Backward of `word_embedding_forward`: dout (N, T, D) -> dW (V, D); the rows of a repeated id are summed."""
    kept = check_cache("word_embedding_backward", cache, Cache)
    x, W = kept.x, kept.W
    size = check_arrays("word_embedding_backward", W=(W, "V D"), dout=(dout, "N T D"))
    if dout.shape[:2] != x.shape:
        expected = f"{(*x.shape, size['D'])} = (N, T, D)"
        raise ShapeError(f"word_embedding_backward: dout has shape {dout.shape}, expected {expected}")
    dW = np.zeros_like(W)
    # Sorted by id, the rows of a word are neighbours and one pass sums them; np.add.at would take them one by one.
    ids = x.ravel()
    order = np.argsort(ids, kind="stable")
    words, starts = np.unique(ids[order], return_index=True)
    if words.size:
        dW[words] = np.add.reduceat(dout.reshape(-1, size["D"])[order], starts, axis=0)
    return dW


def check_ids(function: str, ids: IntArray, V: int, name: str = "x") -> None:
    """Check that `ids` are integers in 0..V-1: NumPy would take a negative one from the end.

    Raises:
        DTypeError: they are not integers.
        IndexError: one is out of range.
    """
    check_integers(function, name, ids, " (word ids)")
    if ids.size and not (ids.min() >= 0 and ids.max() < V):
        wrong = ids.min() if ids.min() < 0 else ids.max()
        raise IndexError(f"{function}: {name} holds the word id {wrong}, expected 0 to {V - 1} = V - 1")
