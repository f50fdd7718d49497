"""What an optimizer does to whole arrays, compiled: each one pass over memory (native/elementwise.hpp)."""

from __future__ import annotations

import ctypes

import numpy as np

from showtell.functional.checks import Array, check_arrays
from showtell.kernels.library import AdamArguments, native, numbers_of, threads_for
from showtell.kernels.memory import pointer


def sum_of_squares(x: Array) -> float:
    """See `showtell.functional.sum_of_squares`."""
    flat = np.ascontiguousarray(x).reshape(-1)
    check_arrays("sum_of_squares", x=(flat, "N"))
    threads = threads_for(10 * flat.size)
    sums = np.empty(threads)
    native().showtell_sum_of_squares(numbers_of(x.dtype), pointer(flat), flat.size, pointer(sums), threads)
    return float(sums.sum())


def adam_update(
    param: Array,
    first: Array,
    second: Array,
    grad: Array,
    *,
    scale: float,
    beta1: float,
    beta2: float,
    rate: float,
    correction: float,
    epsilon: float,
) -> None:
    """See `showtell.functional.adam_update`."""
    arrays = [array.reshape(-1) for array in (param, first, second, grad)]
    names = ("param", "first", "second", "grad")
    check_arrays("adam_update", **{name: (array, "N") for name, array in zip(names, arrays, strict=True)})
    for name, array, whole in zip(names, arrays, (param, first, second, grad), strict=True):
        if name != "grad" and not np.shares_memory(array, whole) and array.size:
            raise ValueError(f"adam_update: {name} is not contiguous; it cannot be updated in place")
    pointers = {name: pointer(np.ascontiguousarray(array)) for name, array in zip(names, arrays, strict=True)}
    arguments = AdamArguments(
        count=arrays[0].size, **pointers, scale=scale, beta1=beta1, beta2=beta2, rate=rate, correction=correction,
        epsilon=epsilon,
    )  # fmt: skip
    threads = threads_for(10 * arrays[0].size)
    native().showtell_adam(numbers_of(param.dtype), ctypes.byref(arguments), threads)
