"""What an optimizer does to whole arrays, compiled: each one pass over memory (native/elementwise.hpp)."""

from __future__ import annotations

import ctypes

import numpy as np

from showtell.nn.functional.checks import check_alike
from showtell.nn.kernels.library import AdamArguments, dtype_code, kernels_of, native, threads_for
from showtell.nn.kernels.workspace import contiguous, pointer
from showtell.nn.optimizer import check_update
from showtell.nn.types import Array


def sum_of_squares(x: Array) -> float:
    """See `showtell.nn.optimizer.sum_of_squares`."""
    check_alike("sum_of_squares", x=x)
    flat, threads = contiguous(x), threads_for(10 * x.size)
    sums = np.zeros(threads)
    kernels = kernels_of(dtype_code(x.dtype))
    native().showtell_sum_of_squares(kernels, pointer(flat), flat.size, pointer(sums), threads)
    return float(sums.sum())


def adam_update(
    param: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    grad: Array,
    *,
    scale: float,
    beta1: float,
    beta2: float,
    rate: float,
    correction: float,
    epsilon: float,
    ema: Array | None = None,
    ema_decay: float = 0.0,
) -> None:
    """See `showtell.nn.optimizer.adam_update`."""
    check_update(param, exp_avg, exp_avg_sq, grad, ema)
    grad = contiguous(grad)
    arguments = AdamArguments(
        count=param.size, param=pointer(param), exp_avg=pointer(exp_avg), exp_avg_sq=pointer(exp_avg_sq),
        grad=pointer(grad), ema=None if ema is None else pointer(ema), scale=scale, beta1=beta1, beta2=beta2, rate=rate,
        correction=correction, epsilon=epsilon, ema_decay=ema_decay,
    )  # fmt: skip
    kernels = kernels_of(dtype_code(param.dtype))
    native().showtell_adam(kernels, ctypes.byref(arguments), threads_for(10 * param.size))
