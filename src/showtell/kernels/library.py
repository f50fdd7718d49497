"""The compiled library: loading it, its threads, its instruction sets."""

from __future__ import annotations

import ctypes
import functools
import os
from ctypes import c_char_p, c_double, c_int, c_int64, c_uint64, c_void_p
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from showtell.errors import ShowtellError
from showtell.threads import usable_cores

_THREADS = "SHOWTELL_NUM_THREADS"
_SET = "SHOWTELL_INSTRUCTION_SET"
_MOST_THREADS = 1000
_SMALL = 1_000_000

Precision: TypeAlias = Literal["float32", "bf16"]
"""What products of float32 arrays multiply: the numbers as they are, or rounded to bfloat16 and summed in float32."""
_FLOAT, _DOUBLE, _PAIRS = range(3)


class SequenceArguments(ctypes.Structure):
    """native/kernels.hpp: SequenceArguments."""

    _fields_ = (
        *((name, c_int64) for name in ("N", "steps", "D", "H", "b_row")),
        *((name, c_void_p) for name in ("order", "active", "x", "h0", "c0", "Wx", "Wh", "b", "h", "last_c")),
        *((name, c_void_p) for name in ("dh", "dlast_c", "dx", "dh0", "dc0", "dWx", "dWh", "db", "cache")),
    )


class VocabularyArguments(ctypes.Structure):
    """native/kernels.hpp: VocabularyArguments."""

    _fields_ = (
        *((name, c_int64) for name in ("M", "H", "size")),
        *((name, c_void_p) for name in ("source", "target", "h", "weights", "b", "scales")),
        ("smoothing", c_double),
        *((name, c_void_p) for name in ("dh", "dW", "db", "losses")),
    )


class AffineArguments(ctypes.Structure):
    """native/kernels.hpp: AffineArguments."""

    _fields_ = (
        *((name, c_int64) for name in ("N", "D", "M")),
        *((name, c_void_p) for name in ("x", "W", "b", "dy", "y", "dx", "dW", "db", "packed")),
    )


class AttentionArguments(ctypes.Structure):
    """native/kernels.hpp: AttentionArguments."""

    _fields_ = (
        *((name, c_int64) for name in ("R", "photos", "positions", "heads", "d")),
        *((name, c_void_p) for name in ("order", "first", "q", "k", "v", "weights", "context")),
        *((name, c_void_p) for name in ("dcontext", "dq", "dk", "dv")),
    )


class AdamArguments(ctypes.Structure):
    """native/kernels.hpp: AdamArguments."""

    _fields_ = (
        ("count", c_int64),
        *((name, c_void_p) for name in ("param", "first", "second", "average", "grad")),
        *((name, c_double) for name in ("scale", "beta1", "beta2", "rate", "correction", "epsilon", "keep")),
    )


class DecodingArguments(ctypes.Structure):
    """native/kernels.hpp: DecodingArguments."""

    _fields_ = (
        *((name, c_int64) for name in ("E", "H", "size", "A", "Z", "heads", "positions", "R", "count", "never_count")),
        *(
            (name, c_void_p)
            for name in ("words", "never", "photo", "embed", "shown", "h", "c", "b", "next_h", "next_c")
        ),
        *((name, c_void_p) for name in ("log_probs", "best", "packed", "Wx", "Wh", "W_query", "W_join", "W_vocab")),
        *((name, c_void_p) for name in ("keys", "values", "b_query", "b_join")),
    )


@functools.cache
def library() -> ctypes.CDLL | None:
    """The library, or None where it was not built."""
    found = [path for end in ("so", "dll") for path in Path(__file__).parent.glob(f"_native.{end}")]
    if not found:
        return None
    native = ctypes.CDLL(str(found[0]))
    native.showtell_instruction_set.restype = c_char_p
    native.showtell_instruction_set.argtypes = [c_int]
    native.showtell_chosen_set.restype = c_char_p
    native.showtell_choose_set.argtypes = [c_char_p]
    native.showtell_cache_bytes.restype = c_int64
    native.showtell_cache_bytes.argtypes = [c_int, c_int, c_void_p]
    native.showtell_recurrent.argtypes = [c_int, c_int, c_int, c_void_p, c_int]
    native.showtell_vocabulary_loss.argtypes = [c_int, c_void_p, c_int]
    native.showtell_affine.argtypes = [c_int, c_void_p, c_int]
    native.showtell_affine_bytes.restype = c_int64
    native.showtell_affine_bytes.argtypes = [c_int, c_void_p]
    native.showtell_affine_pack.restype = None
    native.showtell_affine_pack.argtypes = [c_int, c_void_p]
    native.showtell_attention.argtypes = [c_int, c_void_p, c_int]
    native.showtell_adam.restype = None
    native.showtell_adam.argtypes = [c_int, c_void_p, c_int]
    native.showtell_sum_of_squares.restype = None
    native.showtell_sum_of_squares.argtypes = [c_int, c_void_p, c_int64, c_void_p, c_int]
    native.showtell_dropout.restype = None
    native.showtell_dropout.argtypes = [c_int, c_void_p, c_void_p, c_int64, c_double, c_uint64, c_int]
    native.showtell_decoding_bytes.restype = c_int64
    native.showtell_decoding_bytes.argtypes = [c_int, c_int, c_void_p]
    native.showtell_decoding_pack.restype = None
    native.showtell_decoding_pack.argtypes = [c_int, c_int, c_void_p]
    native.showtell_decoding_step.argtypes = [c_int, c_int, c_void_p, c_int]
    native.showtell_multiply_add.restype = c_int64
    native.showtell_multiply_add.argtypes = [c_int, c_int64, c_int]
    native.showtell_elementary.restype = None
    native.showtell_elementary.argtypes = [c_int, c_int, c_void_p, c_void_p, c_int64]
    if (asked := os.environ.get(_SET)) and native.showtell_choose_set(asked.encode()):
        raise ShowtellError(f"{_SET} is {asked!r}, which this machine or this build does not have")
    return native


def available() -> bool:
    """Whether the compiled library is there."""
    return library() is not None


def native() -> ctypes.CDLL:
    """The library.

    Raises:
        ShowtellError: it was not built.
    """
    found = library()
    if found is None:
        raise ShowtellError("showtell's compiled kernels are not there: install a C++ compiler, then showtell again")
    return found


def numbers_of(dtype: np.dtype[Any], precision: Precision = "float32") -> int:
    """What native/library.cpp calls the numbers that are computed with.

    Raises:
        ShowtellError: there is no such precision, or bf16 is asked for and the arrays are not float32.
    """
    if precision not in get_args(Precision):
        raise ShowtellError(f"precision is {precision!r}, expected one of {', '.join(map(repr, get_args(Precision)))}")
    if precision == "bf16":
        if dtype != np.float32:
            raise ShowtellError(f"precision is 'bf16' and the arrays are {dtype}; it is for float32 alone")
        return _PAIRS
    return _DOUBLE if dtype == np.float64 else _FLOAT


def _threads_of(value: str | int, source: str) -> int:
    try:
        threads = int(value)
    except ValueError:
        threads = 0
    if not 1 <= threads <= _MOST_THREADS:
        raise ShowtellError(f"{source} is {value!r}, expected a number from 1 to {_MOST_THREADS}")
    return threads


class _Settings:
    threads: int | None = None


def get_num_threads() -> int:
    """How many threads the kernels use: `SHOWTELL_NUM_THREADS`, or as many as there are cores for this process."""
    if _Settings.threads is None:
        asked = os.environ.get(_THREADS)
        _Settings.threads = _threads_of(asked, _THREADS) if asked else usable_cores()
    return _Settings.threads


def set_num_threads(threads: int) -> None:
    """Let the kernels use so many threads, from the next call on. The same number gives the same bits.

    Raises:
        ShowtellError: fewer than 1, or more than 1000.
    """
    _Settings.threads = _threads_of(threads, "set_num_threads: threads")


def threads_for(multiplications: int) -> int:
    """How many threads some work is worth: for little, waking others takes longer than they save."""
    return 1 if multiplications < _SMALL else get_num_threads()


def fastest_precision() -> Precision:
    """`"bf16"` where the kernels run and the processor multiplies bfloat16 in one instruction, else `"float32"`."""
    return "bf16" if available() and get_instruction_set() in ("amx_bf16", "avx512_bf16") else "float32"


def instruction_sets() -> list[str]:
    """The instruction sets that this machine and this build have, the fastest first."""
    names: list[str] = []
    while (name := native().showtell_instruction_set(len(names))) is not None:
        names.append(name.decode())
    return names


def get_instruction_set() -> str:
    """The instruction set in use: the fastest, or `SHOWTELL_INSTRUCTION_SET`."""
    name: str = native().showtell_chosen_set().decode()
    return name


def set_instruction_set(name: str) -> None:
    """Use another instruction set than the fastest.

    Raises:
        ShowtellError: this machine or this build does not have it.
    """
    if native().showtell_choose_set(name.encode()):
        raise ShowtellError(f"instruction set {name!r} is not there, expected one of {', '.join(instruction_sets())}")
