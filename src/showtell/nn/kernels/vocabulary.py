"""The vocabulary layer and the loss, compiled and fused (native/vocabulary.hpp)."""

from __future__ import annotations

import ctypes
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from showtell.nn.choices import Precision
from showtell.nn.functional.checks import check_arrays
from showtell.nn.functional.embedding import check_ids
from showtell.nn.functional.softmax import check_targets
from showtell.nn.functional.vocabulary import Gradients
from showtell.nn.kernels.library import VocabularyArguments, dtype_code, kernels_of, native, threads_for
from showtell.nn.kernels.workspace import contiguous, pointer
from showtell.nn.types import Array, IntArray


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
    """See `showtell.nn.functional.vocabulary_loss`; only the words that count are computed.

    W may be the transpose of a contiguous array, as tied vectors are: then it is read as it lies, and dW lies so too.
    `precision="bf16"`: the products' inputs are rounded to bfloat16.
    """
    size = check_arrays("vocabulary_loss", h=(h, "N T H"), W=(W, "H V"), b=(b, "V"))
    N, T = size["N"], size["T"]
    check_targets("vocabulary_loss", y, mask, (N, T), label_smoothing, weight)
    scales = np.full(N, 1 / max(N, 1)) if weight is None else weight / max(N, 1)
    source = np.flatnonzero(mask).astype(np.int64)
    scales = contiguous(np.repeat(scales, T)[source], np.float64)
    losses, found = _run("vocabulary_loss", h, W, b, y, source, scales, label_smoothing, gradients, precision)
    return float(losses @ scales), found


def vocabulary_log_probs(
    h: Array, W: Array, b: Array, y: IntArray, mask: NDArray[Any], *, precision: Precision = "float32"
) -> Array:
    """See `showtell.nn.functional.vocabulary_log_probs`; as `vocabulary_loss` it computes only the words that count."""
    check_arrays("vocabulary_log_probs", h=(h, "N T H"), W=(W, "H V"), b=(b, "V"))
    check_targets("vocabulary_log_probs", y, mask, h.shape[:2], 0.0, None)
    source = np.flatnonzero(mask).astype(np.int64)
    losses, _ = _run("vocabulary_log_probs", h, W, b, y, source, np.ones(len(source)), 0.0, False, precision)
    found = np.zeros(h.shape[:2], h.dtype)
    found.reshape(-1)[source] = -losses
    return found


def _run(
    function: str,
    h: Array,
    W: Array,
    b: Array,
    y: IntArray,
    source: IntArray,
    scales: Array,
    smoothing: float,
    gradients: bool,
    precision: Precision,
) -> tuple[Array, Gradients | None]:
    """The loss of each word that counts, (M,) of float64, and the gradients of the sum of losses times scales.

    `source` (M,): the places of those words in the flattened (N, T); `scales` (M,).
    """
    H, V = W.shape
    turned = not W.flags.c_contiguous and W.flags.f_contiguous
    h, W, b = map(contiguous, (h, W.T if turned else W, b))
    words = y.reshape(-1)[source]
    check_ids(function, words, V, "y")
    target, losses = contiguous(words, np.int64), np.empty(len(source))
    found = (np.zeros_like(h), np.empty_like(W), np.empty_like(b)) if gradients else None
    dh, dW, db = map(pointer, found) if found else (None, None, None)
    arguments = VocabularyArguments(
        M=len(source), H=H, size=V, source=pointer(source), target=pointer(target),
        h=pointer(h), weights=pointer(W), b=pointer(b), scales=pointer(scales), smoothing=smoothing,
        turned=turned, dh=dh, dW=dW, db=db, losses=pointer(losses),
    )  # fmt: skip
    kernels, threads = kernels_of(dtype_code(h.dtype, precision)), threads_for(len(source) * H * V)
    native().showtell_vocabulary_loss(kernels, ctypes.byref(arguments), threads)
    if found and turned:
        found = (found[0], found[1].T, found[2])
    return losses, found
