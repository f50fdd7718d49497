"""Checks of shapes and dtypes at the boundary, with messages that name the fix."""

from __future__ import annotations

import math
import re
from itertools import combinations

import numpy as np

from showtell.errors import ShowtellError
from showtell.nn.choices import Precision
from showtell.nn.types import Array, IntArray


class ShapeError(ShowtellError):
    """An array has another shape than the formula asks for."""


class DTypeError(ShowtellError, TypeError):
    """An array has another dtype than the formula asks for."""


# Numbers of an array, an empty axis counted as one: far more than there is memory for, and so few that no size that is
# computed from them overflows 64 bits.
_MOST = 2**40


def check_arrays(function: str, known: dict[str, int] | None = None, /, **arrays: tuple[Array, str]) -> dict[str, int]:
    """Check that arrays fit together, and return what each letter of their patterns stands for.

    A pattern names the axes: `"N T D"`, or with a multiple `"D 4H"`. A letter stands for the size that it meets first,
    or for the one that is known.

    Raises:
        ShapeError: `lstm_forward: Wh has shape (64, 200), expected (64, 256) = (H, 4H)`.
        DTypeError: an array is not of float32 or float64, or not of the first array's dtype.
    """
    _check_floats(function, {name: array for name, (array, _) in arrays.items()})
    sizes = dict(known or {})
    for name, (array, pattern) in arrays.items():
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


def check_alike(function: str, /, **arrays: Array) -> None:
    """Check that arrays, of any number of axes, have the shape and the dtype of the first.

    Raises:
        ShapeError: `dropout_backward: dout has shape (4, 3), expected (3, 4) as x`.
        DTypeError: an array is not of float32 or float64, or not of the first array's dtype.
    """
    _check_floats(function, arrays)
    first_name, first = next(iter(arrays.items()))
    for name, array in arrays.items():
        if array.shape != first.shape:
            raise ShapeError(f"{function}: {name} has shape {array.shape}, expected {first.shape} as {first_name}")


def check_integers(function: str, name: str, array: IntArray, what: str = "") -> None:
    """Check that an array is of integers.

    Raises:
        DTypeError: `vocabulary_loss: y has dtype float64, expected integers (word ids)`.
    """
    if not isinstance(array, np.ndarray):
        raise DTypeError(f"{function}: {name} is a {type(array).__name__}, expected a NumPy array of integers{what}")
    if array.dtype.kind not in "iu":
        raise DTypeError(f"{function}: {name} has dtype {array.dtype}, expected integers{what}")


def check_integer(function: str, name: str, value: int) -> int:
    """Check that a setting is an integer; it, as Python's own.

    Raises:
        ShowtellError: `attention_forward: heads is 2.0, expected an integer`.
    """
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise ShowtellError(f"{function}: {name} is {value!r:.60}, expected an integer")
    return int(value)


def check_precision(function: str, precision: Precision) -> None:
    """Check that a layer's products multiply the numbers as they are.

    Raises:
        ShowtellError: `lstm_forward: precision is 'bf16', expected 'float32'; the compiled layers have others`.
    """
    if precision != "float32":
        raise ShowtellError(
            f"{function}: precision is {precision!r:.60}, expected 'float32'; the compiled layers have others"
        )


def check_written(function: str, written: dict[str, Array], read: dict[str, Array]) -> None:
    """Check that arrays can be updated in place, without a change to anything else that is used.

    Raises:
        ShowtellError: one is read-only or not contiguous, or shares memory with another.
    """
    for name, array in written.items():
        if not array.flags.writeable:
            raise ShowtellError(f"{function}: {name} is read-only; it cannot be updated in place")
        if not (array.flags.c_contiguous and array.flags.aligned):
            raise ShowtellError(f"{function}: {name} is not contiguous; it cannot be updated in place")
    pairs = [*combinations(written.items(), 2), *((one, other) for one in written.items() for other in read.items())]
    for (name, array), (other_name, other) in pairs:
        if np.may_share_memory(array, other):
            raise ShowtellError(f"{function}: {name} and {other_name} share memory; expected arrays of their own")


def _check_floats(function: str, arrays: dict[str, Array]) -> None:
    first_name, first = next(iter(arrays.items()))
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise DTypeError(f"{function}: {name} is a {type(array).__name__}, expected a NumPy array")
        if array.dtype not in (np.float32, np.float64):
            raise DTypeError(f"{function}: {name} has dtype {array.dtype}, expected float32 or float64")
        if array.dtype != first.dtype:
            raise DTypeError(f"{function}: {name} has dtype {array.dtype}, expected {first.dtype} as {first_name}")
        if math.prod(axis or 1 for axis in array.shape) >= _MOST:
            raise ShapeError(f"{function}: {name} has shape {array.shape}, expected fewer than 2**40 numbers")


_AXIS = re.compile(r"(\d*)([A-Z])")
