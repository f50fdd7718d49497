"""Threads, instruction sets, and what must hold with any of them."""

from __future__ import annotations

import copy
import ctypes
import ctypes.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import showtell
from conftest import OF_FLOATS, SETS, kernels_with
from nn.kernels.calls import FUNCTIONS, arguments, outcome
from showtell.errors import ShowtellError
from showtell.nn import functional, kernels
from showtell.nn.kernels.library import ABI, AffineArguments, SequenceArguments, load, native

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the kernels were not compiled")


@pytest.fixture
def work() -> list[np.ndarray]:
    """Arguments of an LSTM that is worth several threads."""
    rng = np.random.default_rng(0)
    shapes = [(30, 9, 40), (30, 70), (40, 280), (70, 280), (280,)]
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


@pytest.fixture(autouse=True)
def threads_afterwards():
    before, chosen = kernels.get_num_threads(), kernels.get_instruction_set()
    yield
    kernels.set_num_threads(before)
    kernels.set_instruction_set(chosen)


def run(work: list[np.ndarray], precision: str = "float32") -> tuple[np.ndarray, ...]:
    h, cache = kernels.lstm_forward(*work, precision=precision)
    return h, *kernels.lstm_backward(np.ones_like(h), cache)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_the_same_number_of_threads_gives_the_same_bits(work, threads: int) -> None:
    kernels.set_num_threads(threads)
    assert kernels.get_num_threads() == threads
    first = run(work)
    for _ in range(5):
        for ours, again in zip(first, run(work), strict=True):
            np.testing.assert_array_equal(ours, again)
    expected, cache = functional.lstm_forward(*work)
    for ours, theirs in zip(first, [expected, *functional.lstm_backward(np.ones_like(expected), cache)], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_calls_from_several_threads_do_not_disturb_one_another(work, precision: str) -> None:
    kernels.set_num_threads(2)
    expected = run(work, precision)
    with ThreadPoolExecutor(4) as callers:
        for found in callers.map(lambda _: run(work, precision), range(24)):
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_child_of_fork_computes(work, precision: str) -> None:
    """In a process of its own: forking the tests' would take their threads along."""
    code = """
import os, sys
import numpy as np
from showtell.nn import kernels
kernels.set_num_threads(2)
rng = np.random.default_rng(0)
work = [rng.standard_normal(s).astype(np.float32) for s in [(30, 9, 40), (30, 70), (40, 280), (70, 280), (280,)]]
before = kernels.lstm_forward(*work, precision=sys.argv[1])[0]
child = os.fork()
same = np.array_equal(kernels.lstm_forward(*work, precision=sys.argv[1])[0], before)
if not child:
    os._exit(0 if same else 1)
sys.exit(not same or os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code, precision], timeout=60).returncode == 0


@pytest.mark.skipif("amx_bf16" not in kernels.instruction_sets(), reason="this processor has no tiles")
def test_where_the_system_permits_no_tiles_they_are_not_used() -> None:
    """Linux refuses them to a process with a stack for signals that could not hold them."""
    code = """
import ctypes
class Stack(ctypes.Structure):
    _fields_ = (("at", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))
memory = ctypes.create_string_buffer(4096)
assert ctypes.CDLL(None).sigaltstack(ctypes.byref(Stack(ctypes.addressof(memory), 0, 4096)), None) == 0
from showtell.nn import kernels
assert "amx_bf16" not in kernels.instruction_sets(), kernels.instruction_sets()
print(kernels.get_instruction_set())
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout == f"{kernels.instruction_sets()[1]}\n", found.stderr


class Clock:
    """Multiply-adds, and the time they take, at so many a second in float32 and in bfloat16."""

    def __init__(self, float32: float, bf16: float) -> None:
        self.now, self.rates = 0.0, {0: float32, 2: bf16}

    def showtell_multiply_add(self, kernels: int, rounds: int, threads: int) -> int:
        self.now += rounds * threads / self.rates[kernels % 3]
        return rounds

    def perf_counter(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("instruction_set", "float32", "bf16", "expected"),
    [
        ("amx_bf16", 84e9, 1300e9, "bf16"),
        ("avx512_bf16", 58e9, 117e9, "bf16"),
        ("avx512_bf16", 84e9, 60e9, "float32"),  # in one instruction, and slower
        ("avx512", 1.0, 100.0, "float32"),  # rounded floats, which are never faster: not even measured
    ],
)
def test_the_fastest_precision_is_measured(monkeypatch, instruction_set: str, float32, bf16, expected: str) -> None:
    clock = Clock(float32, bf16)
    monkeypatch.setattr(kernels.library, "time", clock)
    monkeypatch.setattr(kernels.library, "native", lambda: clock)
    monkeypatch.setattr(kernels.library, "get_instruction_set", lambda: instruction_set)
    kernels.library._fastest_of.cache_clear()
    assert kernels.fastest_precision() == expected
    kernels.library._fastest_of.cache_clear()


def test_the_package_has_the_setting_too() -> None:
    showtell.set_num_threads(3)
    assert showtell.get_num_threads() == kernels.get_num_threads() == 3


def test_the_environment_sets_the_number_of_threads() -> None:
    code = "from showtell.nn import kernels; print(kernels.get_num_threads())"

    def said(value: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"SHOWTELL_NUM_THREADS": value}
        return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)

    assert said("5").stdout == "5\n"
    assert "SHOWTELL_NUM_THREADS is 'many', expected a number from 1 to 1000" in said("many").stderr


@pytest.mark.parametrize("threads", [0, -1, 1001])
def test_a_number_of_threads_out_of_range(threads: int) -> None:
    with pytest.raises(ShowtellError, match=f"set_num_threads: threads is {threads}"):
        kernels.set_num_threads(threads)


def test_the_portable_set_is_always_there_and_another_is_an_error() -> None:
    assert kernels.instruction_sets()[-1] == "portable"
    assert kernels.get_instruction_set() in kernels.instruction_sets()
    with pytest.raises(ShowtellError, match=r"'altivec' is not there, expected one of .*portable"):
        kernels.set_instruction_set("altivec")


def test_what_one_instruction_set_laid_out_is_not_read_by_another(work) -> None:
    x, h0, Wx, Wh, b = work
    h, cache = kernels.lstm_forward(*work)
    affine = kernels.Affine(Wx, b)
    words = np.ones((5, 20), np.float32)
    step = kernels.DecodingStep("lstm", "tanh", words, Wx, Wh, b, np.ones((70, 5), np.float32), words[:, 0].copy())
    state = step.start(h0, np.ones((30, 20), np.float32))
    if kernels.get_instruction_set() == "portable":
        pytest.skip("there is one instruction set")
    kernels.set_instruction_set("portable")
    calls = [
        lambda: kernels.lstm_backward(np.ones_like(h), cache),
        lambda: affine(x[:, 0]),
        lambda: step.best(np.zeros(30, np.intp), state, 2),
    ]
    for call in calls:
        with pytest.raises(ShowtellError, match="the one in use is 'portable'"):
            call()


def test_the_environment_chooses_the_instruction_set() -> None:
    code = "from showtell.nn import kernels; print(kernels.get_instruction_set())"
    environment = os.environ | {"SHOWTELL_INSTRUCTION_SET": "portable"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert found.stdout == "portable\n"


@pytest.mark.parametrize("name", [name for name in SETS if name not in OF_FLOATS])
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.slow
def test_a_set_for_bfloat16_computes_with_float32_and_float64_as_the_one_below_it(name: str, function: str) -> None:
    """To the bit, so that the tests of those (fixture `layers`) need not run over it again."""
    rng, computed = np.random.default_rng(0), 0
    for _ in range(40):
        given, found = arguments(lambda options: options[rng.integers(len(options))], function), []
        for instruction_set in (name, OF_FLOATS[0]):
            with kernels_with(instruction_set):
                found.append(outcome(kernels, FUNCTIONS[function][1], copy.deepcopy(given)))
        if isinstance(found[0], Exception):
            assert repr(found[0]) == repr(found[1])
            continue
        for ours, theirs in zip(*found, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        computed += 1
    assert computed >= 4


def test_arrays_in_any_order_of_memory_are_taken(work) -> None:
    expected = run(work)
    work[2] = np.asfortranarray(work[2])
    work[0] = np.flip(np.flip(work[0], 0).copy(), 0)
    for ours, theirs in zip(run(work), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_two_modules_offer_the_same_layers() -> None:
    assert set(functional.__all__) <= set(kernels.__all__)


@pytest.mark.parametrize("threads", [1.5, None, float("inf"), float("nan"), "x", "2", True, [2]])
def test_a_number_of_threads_of_another_kind(threads) -> None:
    with pytest.raises(ShowtellError, match=r"set_num_threads: threads is .*, expected a number from 1 to 1000"):
        kernels.set_num_threads(threads)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory are Linux's")
def test_where_the_system_gives_no_more_threads_fewer_compute() -> None:
    code = """
import resource
import numpy as np
from showtell.nn import kernels

x = np.ones((300, 300), np.float32)
kernels.set_num_threads(1)
expected = kernels.affine_forward(x, x, x[0])[0]
used = int(open("/proc/self/statm").read().split()[0]) * 4096
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (used + 40 * 2**20, hard))  # a thread's stack is 8 MB
kernels.set_num_threads(64)
found = kernels.affine_forward(x, x, x[0])[0]
resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
np.testing.assert_array_equal(found, expected)
np.testing.assert_allclose(kernels.sum_of_squares(np.ones(10**6, np.float32)), 10**6)
"""
    if "libasan" in os.environ.get("LD_PRELOAD", "") or "libtsan" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("the sanitizers' own memory is beyond every limit")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory are Linux's")
def test_where_memory_is_short_an_error_says_so() -> None:
    code = """
import resource
import numpy as np
from showtell.nn import kernels
from showtell.errors import ShowtellError

x, w, b = np.ones((1, 3000), np.float32), np.ones((3000, 3000), np.float32), np.ones(3000, np.float32)
kernels.set_num_threads(1)
kernels.sum_of_squares(b)
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + 10 * 2**20,) * 2)  # packed, the weights are 36 MB
try:
    kernels.affine_forward(x, w, b)
except ShowtellError as error:
    assert isinstance(error, MemoryError), error
    assert "affine: there is not enough memory" in str(error), error
else:
    raise AssertionError("no error")
"""
    if "libasan" in os.environ.get("LD_PRELOAD", "") or "libtsan" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("the sanitizers' own memory is beyond every limit")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_library_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = (p for folder in kernels.__path__ for p in Path(folder).glob("_native.*") if p.suffix in {".so", ".dll"})
    assert load(path).showtell_abi(0) == ABI
    monkeypatch.setattr(kernels.library, "ABI", ABI + 1)
    with pytest.raises(ShowtellError, match="was built for another version of showtell; install showtell again"):
        load(path)
    monkeypatch.undo()

    class Longer(SequenceArguments):
        _fields_ = (("more", ctypes.c_int64),)

    monkeypatch.setattr(kernels.library, "_STRUCTURES", (Longer, *kernels.library._STRUCTURES[1:]))
    with pytest.raises(ShowtellError, match="was built for another version of showtell"):
        load(path)


def test_a_library_that_is_none_or_says_no_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "_native.so").write_bytes(b"no library")
    with pytest.raises(ShowtellError, match=r"_native.so cannot be loaded .*install showtell again"):
        load(tmp_path / "_native.so")
    other = ctypes.util.find_library("m")
    if not other:
        pytest.skip("no other library to take")
    with pytest.raises(ShowtellError, match="was built for another version of showtell"):
        load(Path(other))


@pytest.mark.parametrize("which", [-1, 3 * 99])
def test_an_instruction_set_that_is_not_there_is_an_error_and_no_crash(which: int) -> None:
    with pytest.raises(ShowtellError, match="affine_bytes: this machine does not have the instruction set"):
        native().showtell_affine_bytes(which, ctypes.byref(AffineArguments(D=3, M=4)))


def test_an_instruction_set_of_another_name_in_the_environment_is_named() -> None:
    environment = os.environ | {"SHOWTELL_INSTRUCTION_SET": "AVX-3"}
    code = "from showtell import load; load()"
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    last = found.stderr.splitlines()[-1]
    assert last.endswith("SHOWTELL_INSTRUCTION_SET is 'AVX-3', which this machine or this build does not have")


def test_the_header_s_version_is_the_package_s() -> None:
    header = Path(__file__).parents[3] / "native" / "kernels.hpp"
    assert f"#define SHOWTELL_ABI {ABI}\n" in header.read_text()
