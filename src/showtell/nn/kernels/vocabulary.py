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
    N, T, H, V = size["N"], size["T"], size["H"], size["V"]
    check_targets("vocabulary_loss", y, mask, (N, T), label_smoothing, weight)
    turned = not W.flags.c_contiguous and W.flags.f_contiguous
    h, W, b = map(contiguous, (h, W.T if turned else W, b))
    source = np.flatnonzero(mask).astype(np.int64)
    words = y.reshape(-1)[source]
    check_ids("vocabulary_loss", words, V, "y")
    target = contiguous(words, np.int64)
    scales = np.full(N, 1 / max(N, 1)) if weight is None else weight / max(N, 1)
    scales = contiguous(np.repeat(scales, T)[source], np.float64)
    losses = np.empty(len(source))
    found = (np.zeros_like(h), np.empty_like(W), np.empty_like(b)) if gradients else None
    dh, dW, db = map(pointer, found) if found else (None, None, None)
    arguments = VocabularyArguments(
        M=len(source), H=H, size=V, source=pointer(source), target=pointer(target),
        h=pointer(h), weights=pointer(W), b=pointer(b), scales=pointer(scales), smoothing=label_smoothing,
        turned=turned, dh=dh, dW=dW, db=db, losses=pointer(losses),
    )  # fmt: skip
    kernels, threads = kernels_of(dtype_code(h.dtype, precision)), threads_for(len(source) * H * V)
    native().showtell_vocabulary_loss(kernels, ctypes.byref(arguments), threads)
    if found and turned:
        found = (found[0], found[1].T, found[2])
    return float(losses @ scales), found
