"""Threads, instruction sets, and what must hold with any of them."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import showtell
from showtell import functional, kernels
from showtell.errors import ShowtellError
from showtell.layers import best_layers

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


def run(work: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    h, cache = kernels.lstm_forward(*work)
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


def test_calls_from_several_threads_do_not_disturb_one_another(work) -> None:
    kernels.set_num_threads(2)
    expected = run(work)
    with ThreadPoolExecutor(4) as callers:
        for found in callers.map(lambda _: run(work), range(24)):
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_of_fork_computes(work) -> None:
    """In a process of its own: forking the tests' would take their threads along."""
    code = """
import os, sys
import numpy as np
from showtell import kernels
kernels.set_num_threads(2)
rng = np.random.default_rng(0)
work = [rng.standard_normal(s).astype(np.float32) for s in [(30, 9, 40), (30, 70), (40, 280), (70, 280), (280,)]]
before = kernels.lstm_forward(*work)[0]
child = os.fork()
same = np.array_equal(kernels.lstm_forward(*work)[0], before)
if not child:
    os._exit(0 if same else 1)
sys.exit(not same or os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=60).returncode == 0


def test_the_package_has_the_setting_too() -> None:
    showtell.set_num_threads(3)
    assert showtell.get_num_threads() == kernels.get_num_threads() == 3


def test_the_environment_sets_the_number_of_threads() -> None:
    code = "from showtell import kernels; print(kernels.get_num_threads())"

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
    code = "from showtell import kernels; print(kernels.get_instruction_set())"
    environment = os.environ | {"SHOWTELL_INSTRUCTION_SET": "portable"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert found.stdout == "portable\n"


def test_arrays_in_any_order_of_memory_are_taken(work) -> None:
    expected = run(work)
    work[2] = np.asfortranarray(work[2])
    work[0] = np.flip(np.flip(work[0], 0).copy(), 0)
    for ours, theirs in zip(run(work), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_the_library_numpy_computes_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    best_layers.cache_clear()
    monkeypatch.setattr(kernels, "available", lambda: False)
    with pytest.warns(RuntimeWarning, match="showtell runs on NumPy"):
        assert best_layers() is functional
    assert best_layers() is functional
    best_layers.cache_clear()
    monkeypatch.undo()
    assert best_layers() is kernels


def test_the_two_modules_offer_the_same_layers() -> None:
    assert set(functional.__all__) <= set(kernels.__all__)
