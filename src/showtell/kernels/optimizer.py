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
    average: Array | None = None,
    keep: float = 0.0,
) -> None:
    """See `showtell.functional.adam_update`."""
    given = {"param": param, "first": first, "second": second, "grad": grad}
    if average is not None:
        given["average"] = average
    arrays = {name: array.reshape(-1) for name, array in given.items()}
    check_arrays("adam_update", **{name: (array, "N") for name, array in arrays.items()})
    for name, array in arrays.items():
        if name != "grad" and not np.shares_memory(array, given[name]) and array.size:
            raise ValueError(f"adam_update: {name} is not contiguous; it cannot be updated in place")
    arrays["grad"] = np.ascontiguousarray(arrays["grad"])
    arguments = AdamArguments(
        count=param.size, **{name: pointer(array) for name, array in arrays.items()}, scale=scale, beta1=beta1,
        beta2=beta2, rate=rate, correction=correction, epsilon=epsilon, keep=keep,
    )  # fmt: skip
    threads = threads_for(10 * param.size)
    native().showtell_adam(numbers_of(param.dtype), ctypes.byref(arguments), threads)
