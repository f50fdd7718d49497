"""Checks of shapes and dtypes at the boundary, with messages that name the mend."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from showtell.errors import ShowtellError

Array: TypeAlias = NDArray[np.floating[Any]]
"""An array of float32 or float64; within one call all arrays have the same of the two."""

IntArray: TypeAlias = NDArray[np.integer[Any]]


class ShapeError(ShowtellError):
    """An array has another shape than the formula asks for."""


class DTypeError(ShowtellError, TypeError):
    """An array has another dtype than the formula asks for."""


def check_arrays(function: str, /, **arrays: tuple[Array, str]) -> dict[str, int]:
    """Check that arrays fit together, and return what each letter of their patterns stands for.

    A pattern names the axes: `"N T D"`, or with a multiple `"D 4H"`. A letter stands for the size that it meets first.

    Raises:
        ShapeError: `lstm_forward: Wh has shape (64, 200), expected (64, 256) = (H, 4H)`.
        DTypeError: an array is not of float32 or float64, or not of the first array's dtype.
    """
    sizes: dict[str, int] = {}
    first_name, (first, _) = next(iter(arrays.items()))
    for name, (array, pattern) in arrays.items():
        if not isinstance(array, np.ndarray):
            raise DTypeError(f"{function}: {name} is a {type(array).__name__}, expected a NumPy array")
        if array.dtype not in (np.float32, np.float64):
            raise DTypeError(f"{function}: {name} has dtype {array.dtype}, expected float32 or float64")
        if array.dtype != first.dtype:
            raise DTypeError(f"{function}: {name} has dtype {array.dtype}, expected {first.dtype} as {first_name}")
        axes = [_AXIS.fullmatch(axis) for axis in pattern.split()]
        expected: list[int] = []
        for position, axis in enumerate(axes):
            assert axis is not None, pattern
            multiple, letter = int(axis[1] or 1), axis[2]
            if letter not in sizes:
                if position >= array.ndim or array.ndim != len(axes):
                    break
                sizes[letter] = array.shape[position] // multiple
            expected.append(multiple * sizes[letter])
        if array.shape != tuple(expected) or array.ndim != len(axes):
            names = f"({', '.join(pattern.split())}{',' if len(axes) == 1 else ''})"
            numbers = f"{tuple(expected)} = " if len(expected) == len(axes) else ""
            raise ShapeError(f"{function}: {name} has shape {array.shape}, expected {numbers}{names}")
    return sizes


_AXIS = re.compile(r"(\d*)([A-Z])")
