"""The softmax over words, and the loss of a caption: the cross-entropy of its words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from showtell.errors import ShowtellError
from showtell.nn.functional.checks import DTypeError, ShapeError, check_arrays, check_integers
from showtell.nn.functional.embedding import check_ids
from showtell.nn.types import Array, IntArray


def log_softmax(x: Array) -> Array:
    """log(exp(x) / sum(exp(x))) over the last axis, for x of any shape and any finite scores."""
    with np.errstate(over="ignore"):  # a difference beyond the dtype's range is -inf: probability 0
        shifted = x - x.max(axis=-1, keepdims=True)
    log_p: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_p


def temporal_softmax_loss(
    x: Array,
    y: IntArray,
    mask: NDArray[np.bool_] | NDArray[Any],
    label_smoothing: float = 0.0,
    *,
    weight: Array | None = None,
) -> tuple[float, Array]:
    """The cross-entropy of the right words: summed over the words of a caption, mean over the captions.

    With a weight for each caption, a reward less a baseline, its gradient is that of REINFORCE (Williams 1992).

    With label smoothing e (Szegedy et al. 2016, section 7) the target is 1 - e for the right word plus e / V for each.

    Args:
        x: scores of the words, (N, T, V).
        y: ids of the right words, (N, T); where the mask is false, any integer.
        mask: true at the words that count, false at padding, (N, T).
        label_smoothing: e, 0 <= e < 1.
        weight: what each caption's loss is multiplied by, (N,), of either sign; 1 if not given.

    Returns:
        loss, a float summed in float64 (0 if there is no caption); dx, its gradient, (N, T, V), zero at padding.

    Raises:
        ShowtellError: shapes or dtypes do not fit together, or label_smoothing is out of range.
        IndexError: a word that counts has an id outside 0..V-1.
    """
    size = check_arrays("temporal_softmax_loss", x=(x, "N T V"))
    N, T, V = size["N"], size["T"], size["V"]
    check_targets("temporal_softmax_loss", y, mask, (N, T), label_smoothing, weight)
    real = mask.astype(bool)
    scores, words = x[real], y[real]  # only real words are computed
    check_ids("temporal_softmax_loss", words, V, "y")
    dx = np.zeros_like(x)
    if not words.size:
        return 0.0, dx

    rows = np.arange(len(words))
    top = scores.max(axis=1, keepdims=True)
    with np.errstate(over="ignore"):  # a difference beyond the dtype's range is -inf: probability 0
        p = np.exp(scores - top)
        total = p.sum(axis=1, keepdims=True)
        p /= total
        # -log p of a word is log(total) - (score - top), in float64 finite for any float32 scores
        log_total = np.log(total[:, 0].astype(np.float64))
        nll = log_total - (scores[rows, words].astype(np.float64) - top[:, 0])
        if label_smoothing:
            mean = (scores / V - top / V).sum(axis=1, dtype=np.float64)
            nll = (1 - label_smoothing) * nll + label_smoothing * (log_total - mean)

    # d nll / d score = p - target
    p -= label_smoothing / V
    p[rows, words] -= 1 - label_smoothing
    p /= N
    if weight is not None:
        of_word = np.broadcast_to(weight[:, None], (N, T))[real]
        p *= of_word[:, None]
        nll *= of_word
    dx[real] = p
    return float(nll.sum() / N), dx


def check_targets(
    function: str,
    y: IntArray,
    mask: NDArray[Any],
    shape: tuple[int, ...],
    label_smoothing: float,
    weight: Array | None,
) -> None:
    """Check that there is a right word and a mask for each of (N, T), a weight for each of N; the smoothing's range.

    Raises:
        ShowtellError: one of them is not so.
    """
    check_integers(function, "y", y, " (word ids)")
    for name, array in (("mask", mask), ("weight", weight)):
        if array is not None and (not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf"):
            raise DTypeError(f"{function}: {name} is {array!r:.60}, expected a NumPy array of numbers")
    for name, array in (("y", y), ("mask", mask)):
        if array.shape != shape:
            raise ShapeError(f"{function}: {name} has shape {array.shape}, expected {shape} = (N, T)")
    if weight is not None and weight.shape != shape[:1]:
        raise ShapeError(f"{function}: weight has shape {weight.shape}, expected {shape[:1]} = (N,)")
    if not (isinstance(label_smoothing, float | int | np.floating) and 0 <= label_smoothing < 1):
        raise ShowtellError(f"{function}: label_smoothing is {label_smoothing!r:.60}, expected 0 <= e < 1")
