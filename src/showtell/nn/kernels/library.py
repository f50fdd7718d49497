"""The compiled library: loading it, its threads, its instruction sets."""

from __future__ import annotations

import ctypes
import functools
import math
import os
import time
from ctypes import c_char_p, c_double, c_int, c_int64, c_uint64, c_void_p
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from showtell._util.cpu import usable_cores
from showtell.errors import ShowtellError
from showtell.nn.choices import Precision as Precision

_THREADS = "SHOWTELL_NUM_THREADS"
_SET = "SHOWTELL_INSTRUCTION_SET"
_MOST_THREADS = 1000
_SMALL = 1_000_000
_FEW = 20_000  # rounds of multiply-adds: a tenth of a millisecond
_WORTH = 0.7  # the share of float32's time that makes up for rounding the numbers

_FLOAT, _DOUBLE, _PAIRS = range(3)
_NO_MEMORY, _OUT_OF_RANGE = -1, -2  # what native/library.cpp gives; anything else below 0 is another error


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
        ("turned", c_int64),
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
        *((name, c_void_p) for name in ("param", "exp_avg", "exp_avg_sq", "ema", "grad")),
        *((name, c_double) for name in ("scale", "beta1", "beta2", "rate", "correction", "epsilon", "ema_decay")),
    )


class DecodingArguments(ctypes.Structure):
    """native/kernels.hpp: DecodingArguments."""

    _fields_ = (
        *((name, c_int64) for name in ("E", "H", "size", "A", "Z", "heads", "photos", "positions")),
        *((name, c_int64) for name in ("R", "count", "suppressed_count")),
        *(
            (name, c_void_p)
            for name in ("words", "suppressed", "photo", "embed", "image", "h", "c", "b", "next_h", "next_c")
        ),
        *((name, c_void_p) for name in ("log_probs", "best", "packed", "Wx", "Wh", "W_query", "W_combine", "W_vocab")),
        *((name, c_void_p) for name in ("keys", "values", "b_query", "b_join")),
    )


_STRUCTURES = (
    SequenceArguments,
    VocabularyArguments,
    AffineArguments,
    AttentionArguments,
    AdamArguments,
    DecodingArguments,
)
_FUNCTIONS: dict[str, list[Any]] = {
    "cache_bytes": [c_int, c_int, c_void_p],
    "recurrent": [c_int, c_int, c_int, c_void_p, c_int],
    "vocabulary_loss": [c_int, c_void_p, c_int],
    "affine": [c_int, c_void_p, c_int],
    "affine_bytes": [c_int, c_void_p],
    "affine_pack": [c_int, c_void_p],
    "attention": [c_int, c_void_p, c_int],
    "adam": [c_int, c_void_p, c_int],
    "sum_of_squares": [c_int, c_void_p, c_int64, c_void_p, c_int],
    "dropout": [c_int, c_void_p, c_void_p, c_int64, c_double, c_uint64, c_int],
    "decoding_bytes": [c_int, c_int, c_void_p],
    "decoding_pack": [c_int, c_int, c_void_p],
    "decoding_step": [c_int, c_int, c_void_p, c_int],
    "multiply_add": [c_int, c_int64, c_int],
    "elementary": [c_int, c_int, c_void_p, c_void_p, c_int64],
}
"""What native/library.cpp has, after `showtell_`, and its arguments."""

ABI = 2
"""SHOWTELL_ABI of native/kernels.hpp: a library of another one is not used."""


class KernelMemoryError(ShowtellError, MemoryError):
    """There is not enough memory for the arrays that a kernel works in."""


@functools.cache
def library() -> ctypes.CDLL | None:
    """The library, or None where it was not built.

    Raises:
        ShowtellError: it cannot be loaded, or was built from the source of another version.
    """
    found = [path for end in ("so", "dll") if (path := Path(__file__).with_name(f"_native.{end}")).is_file()]
    return load(found[0]) if found else None


def load(path: Path) -> ctypes.CDLL:
    """A compiled library whose functions raise what goes wrong in them.

    Raises:
        ShowtellError: it cannot be loaded, or was built from the source of another version.
    """
    try:
        native = ctypes.CDLL(str(path))
    except OSError as error:
        raise ShowtellError(f"{path} cannot be loaded ({error}); install showtell again") from None
    if _facts(native) != [ABI, *map(ctypes.sizeof, _STRUCTURES)]:
        raise ShowtellError(f"{path} was built for another version of showtell; install showtell again")
    native.showtell_message.restype = native.showtell_instruction_set.restype = c_char_p
    native.showtell_message.argtypes, native.showtell_instruction_set.argtypes = [], [c_int]
    for name, arguments in _FUNCTIONS.items():
        function = native[f"showtell_{name}"]
        function.restype, function.argtypes = c_int64, arguments
        function.errcheck = cast("Any", functools.partial(_raise, native))
        setattr(native, f"showtell_{name}", function)
    return native


def _facts(native: ctypes.CDLL) -> list[int]:
    """The version of a library's interface and the sizes of its structures; empty if it does not say."""
    facts: list[int] = []
    try:
        native.showtell_abi.restype, native.showtell_abi.argtypes = c_int64, [c_int]
        while (fact := native.showtell_abi(len(facts))) >= 0:
            facts.append(fact)
    except AttributeError:
        pass
    return facts


def _raise(native: ctypes.CDLL, result: int, function: Any, _: tuple[Any, ...]) -> int:
    """The result of a function of the library, or what its status says, as an error."""
    if result >= 0:
        return result
    said = native.showtell_message().decode(errors="replace")
    if result == _OUT_OF_RANGE:
        raise IndexError(said)
    family = KernelMemoryError if result == _NO_MEMORY else ShowtellError
    raise family(f"{function.__name__.removeprefix('showtell_')}: {said}")


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


def dtype_code(dtype: np.dtype[Any], precision: Precision = "float32") -> int:
    """What native/library.cpp calls the dtype that is computed with, within an instruction set.

    Raises:
        ShowtellError: there is no such precision, or bf16 is asked for and the arrays are not float32.
    """
    if precision not in get_args(Precision):
        raise ShowtellError(
            f"precision is {precision!r:.60}, expected one of {', '.join(map(repr, get_args(Precision)))}"
        )
    if precision == "bf16":
        if dtype != np.float32:
            raise ShowtellError(f"precision is 'bf16' and the arrays are {dtype}; it is for float32 alone")
        return _PAIRS
    return _DOUBLE if dtype == np.float64 else _FLOAT


def kernels_of(code: int) -> int:
    """What native/library.cpp calls the kernels of the instruction set in use, for a dtype (`dtype_code`)."""
    return 3 * chosen_set() + code


class _Settings:
    threads: int | None = None
    instruction_set: int | None = None


def _threads_of(value: object, source: str) -> int:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 1 <= value <= _MOST_THREADS:
        raise ShowtellError(f"{source} is {value!r:.60}, expected a number from 1 to {_MOST_THREADS}")
    return int(value)


def get_num_threads() -> int:
    """How many threads the kernels use: `SHOWTELL_NUM_THREADS`, or as many as there are cores for this process.

    Where the system gives fewer, they compute with those.
    """
    if _Settings.threads is None:
        asked = os.environ.get(_THREADS)
        if not asked:
            _Settings.threads = usable_cores()
        else:  # a number of thousands of digits is none that Python reads
            is_number = asked.isdecimal() and len(asked) <= len(str(_MOST_THREADS))
            _Settings.threads = _threads_of(int(asked) if is_number else asked, _THREADS)
    return _Settings.threads


def set_num_threads(threads: int) -> None:
    """Let the kernels use so many threads, from the next call on. The same number gives the same bits.

    Raises:
        ShowtellError: it is not an integer from 1 to 1000.
    """
    _Settings.threads = _threads_of(threads, "set_num_threads: threads")


def threads_for(multiplications: int) -> int:
    """How many threads some work is worth: for little, waking others takes longer than they save."""
    return 1 if multiplications < _SMALL else get_num_threads()


def fastest_precision() -> Precision:
    """`"bf16"` where the kernels run and the processor multiplies bfloat16 faster than float32, else `"float32"`.

    That a processor multiplies pairs in one instruction does not say so: some take twice as long for it. So where there
    is such an instruction both are measured, for a few milliseconds, once for each instruction set.
    """
    if not available():
        return "float32"
    return _fastest_of(get_instruction_set())


@functools.cache
def _fastest_of(instruction_set: str) -> Precision:
    if not instruction_set.endswith("bf16"):
        return "float32"
    seconds = {_FLOAT: math.inf, _PAIRS: math.inf}  # of a multiplication: the best of many runs, in turns
    for code in [*seconds] * 20:
        start = time.perf_counter()
        done: int = native().showtell_multiply_add(kernels_of(code), _FEW, 1)
        seconds[code] = min(seconds[code], (time.perf_counter() - start) / done)
    return "bf16" if seconds[_PAIRS] < _WORTH * seconds[_FLOAT] else "float32"


def instruction_sets() -> list[str]:
    """The instruction sets that this machine and this build have, the fastest first."""
    return [name for name in built_sets() if name]


@functools.cache
def built_sets() -> tuple[str, ...]:
    """The instruction sets of this build, the fastest first; empty where this machine does not have one."""
    names: list[str] = []
    while (name := native().showtell_instruction_set(len(names))) is not None:
        names.append(name.decode())
    return tuple(names)


def chosen_set() -> int:
    """The place of the instruction set in use among those of this build.

    Raises:
        ShowtellError: `SHOWTELL_INSTRUCTION_SET` names one that is not there.
    """
    if _Settings.instruction_set is None:
        asked = os.environ.get(_SET) or instruction_sets()[0]
        if asked not in instruction_sets():
            raise ShowtellError(f"{_SET} is {asked!r:.60}, which this machine or this build does not have")
        _Settings.instruction_set = built_sets().index(asked)
    return _Settings.instruction_set


def get_instruction_set() -> str:
    """The instruction set in use: the fastest, or `SHOWTELL_INSTRUCTION_SET`."""
    return built_sets()[chosen_set()]


def set_instruction_set(name: str) -> None:
    """Use another instruction set than the fastest, from the next call on.

    Raises:
        ShowtellError: this machine or this build does not have it.
    """
    if name not in instruction_sets():
        raise ShowtellError(
            f"instruction set {name!r:.60} is not there, expected one of {', '.join(instruction_sets())}"
        )
    _Settings.instruction_set = built_sets().index(name)
