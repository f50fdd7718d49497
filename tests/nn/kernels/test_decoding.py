"""Compiled decoding: what a row's numbers do not depend on."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from showtell.nn import functional, kernels
from showtell.nn.choices import GATES
from showtell.nn.functional.decoding import Attention

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the kernels were not compiled")

ROWS, E, S, H, V, A = 70, 20, 9, 70, 300, 12


def steps(layers: ModuleType, cell: str, heads: int, precision: kernels.Precision, size: int) -> list[np.ndarray]:
    """Three steps of 70 rows, `size` at a time: the states, and the best words with their log-probabilities."""
    rng = np.random.default_rng(0)
    shapes = [(V, E), (E + S, GATES[cell] * H), (H, GATES[cell] * H), (GATES[cell] * H,), (H, V), (V,)]
    if heads:
        shapes[4:] = [(E, V), (V,), (H, A), (A,), (H + A, E), (E,)]
    weights = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    attention = Attention(*weights[6:], heads) if heads else None
    step = layers.DecodingStep(cell, "tanh", *weights[:6], attention=attention, precision=precision)
    grids = [(ROWS, 9, A)] * 2 if heads else []
    first = [rng.standard_normal(shape).astype(np.float32) for shape in [(ROWS, H), (ROWS, S), *grids]]
    words = rng.integers(0, V, (3, ROWS))
    found: list[list[np.ndarray]] = []
    for begin in range(0, ROWS, size):
        rows = slice(begin, begin + size)
        state = step.start(*(array[rows] for array in first))
        for word in words:
            log_probs, ids, state = step.best(word[rows], state, 5)
        found.append([log_probs, ids, *state.memory])
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("heads", [0, 3])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_row_s_bits_depend_on_no_other_row_and_no_thread(
    layers: ModuleType, cell: str, heads: int, precision: kernels.Precision
) -> None:
    if layers is functional:
        pytest.skip("NumPy's products depend on how many rows there are")
    expected = steps(layers, cell, heads, precision, ROWS)
    for threads in (1, 3):
        kernels.set_num_threads(threads)  # `layers` sets it back
        for size in (ROWS, 33, 17, 8):
            for ours, theirs in zip(steps(layers, cell, heads, precision, size), expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)
