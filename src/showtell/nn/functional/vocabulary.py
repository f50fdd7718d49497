"""The vocabulary layer and the loss together: from hidden states to the loss of the words, and back."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from showtell.nn.choices import Precision
from showtell.nn.functional.affine import temporal_affine_backward, temporal_affine_forward
from showtell.nn.functional.checks import check_arrays, check_precision
from showtell.nn.functional.embedding import check_ids
from showtell.nn.functional.softmax import check_targets, log_softmax, temporal_softmax_loss
from showtell.nn.types import Array, IntArray

Gradients: TypeAlias = tuple[Array, Array, Array]


@overload
def vocabulary_loss(
    h: Array,
    W: Array,
    b: Array,
    y: IntArray,
    mask: NDArray[Any],
    label_smoothing: float = 0.0,
    *,
    weight: Array | None = None,
    gradients: Literal[True] = True,
    precision: Precision = "float32",
) -> tuple[float, Gradients]: ...
@overload
def vocabulary_loss(
    h: Array,
    W: Array,
    b: Array,
    y: IntArray,
    mask: NDArray[Any],
    label_smoothing: float = 0.0,
    *,
    weight: Array | None = None,
    gradients: Literal[False],
    precision: Precision = "float32",
) -> tuple[float, None]: ...
def vocabulary_loss(
    h: Array,
    W: Array,
    b: Array,
    y: IntArray,
    mask: NDArray[Any],
    label_smoothing: float = 0.0,
    *,
    weight: Array | None = None,
    gradients: bool = True,
    precision: Precision = "float32",
) -> tuple[float, Gradients | None]:
    """`temporal_softmax_loss` of the scores h W + b, and its gradients, at once: nobody needs the scores themselves.

    Args:
        h: hidden states, (N, T, H).
        W: weights, (H, V).
        b: bias, (V,).
        y: ids of the right words, (N, T); where the mask is false, any integer.
        mask: true at the words that count, false at padding, (N, T).
        label_smoothing: share of the target that goes to all words alike, 0 <= e < 1.
        weight: what each caption's loss is multiplied by, (N,), of either sign; 1 if not given.
        gradients: whether they are wanted.
        precision: `"float32"`; the compiled layers have others.

    Returns:
        loss, the cross-entropy summed over the words of a caption, mean over the captions; and dh, dW, db, or None.

    Raises:
        ShowtellError: shapes or dtypes do not fit together, or label_smoothing is out of range.
        IndexError: a word that counts has an id outside 0..V-1.
    """
    check_precision("vocabulary_loss", precision)
    check_arrays("vocabulary_loss", h=(h, "N T H"), W=(W, "H V"), b=(b, "V"))
    check_targets("vocabulary_loss", y, mask, h.shape[:2], label_smoothing, weight)
    scores, cache = temporal_affine_forward(h, W, b)
    loss, dscores = temporal_softmax_loss(scores, y, mask, label_smoothing, weight=weight)
    if not gradients:
        return loss, None
    dh, dW, db = temporal_affine_backward(dscores, cache)
    return loss, (dh, dW, db)


def vocabulary_log_probs(
    h: Array, W: Array, b: Array, y: IntArray, mask: NDArray[Any], *, precision: Precision = "float32"
) -> Array:
    """The log-probability of each right word under the scores h W + b.

    Args:
        h: hidden states, (N, T, H).
        W: weights, (H, V).
        b: bias, (V,).
        y: ids of the right words, (N, T); where the mask is false, any integer.
        mask: true at the words that count, false at padding, (N, T).
        precision: `"float32"`; the compiled layers have others.

    Returns:
        (N, T), 0 at padding.

    Raises:
        ShowtellError: shapes or dtypes do not fit together.
        IndexError: a word that counts has an id outside 0..V-1.
    """
    check_precision("vocabulary_log_probs", precision)
    size = check_arrays("vocabulary_log_probs", h=(h, "N T H"), W=(W, "H V"), b=(b, "V"))
    check_targets("vocabulary_log_probs", y, mask, h.shape[:2], 0.0, None)
    counts = mask.astype(bool)
    check_ids("vocabulary_log_probs", y[counts], size["V"], "y")
    found = np.zeros(h.shape[:2], h.dtype)
    log_probs = log_softmax(h[counts] @ W + b)
    found[counts] = np.take_along_axis(log_probs, y[counts][:, np.newaxis], axis=1)[:, 0]
    return found
