"""Decoding step by step: what a step of the layers gives, and the best of it."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from gradients import relative_error
from showtell import functional
from showtell.errors import ShowtellError

CELLS = [("lstm", "tanh"), ("gru", "tanh"), ("rnn", "tanh"), ("rnn", "relu")]
# (R, E, S, H, V): usual, one of each, more rows than a tile, more than one panel
SIZES = [(3, 4, 2, 5, 9), (1, 1, 1, 1, 5), (13, 7, 3, 17, 33), (2, 20, 9, 70, 300)]
each_cell = pytest.mark.parametrize(("cell", "activation"), CELLS)
each_size = pytest.mark.parametrize("size", SIZES, ids=str)


def make(layers: ModuleType, cell: str, activation: str, size: tuple[int, ...], dtype: type = np.float64):
    _, E, S, H, V = size
    rng = np.random.default_rng([E, S, H, V])
    G = functional.decoding.GATES[cell] * H
    shapes = [(V, E), (E + S, G), (H, G), (G,), (H, V), (V,)]
    return layers.DecodingStep(cell, activation, *(rng.standard_normal(shape).astype(dtype) for shape in shapes))


def begin(size: tuple[int, ...], dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    R, _, S, H, V = size
    rng = np.random.default_rng(0)
    h0, shown = rng.standard_normal((R, H)).astype(dtype), rng.standard_normal((R, S)).astype(dtype)
    return h0, shown, rng.integers(0, V, (3, R))


@each_cell
@each_size
def test_steps_are_those_of_the_functional_layers(layers: ModuleType, cell: str, activation: str, size) -> None:
    ours, theirs = make(layers, cell, activation, size), make(functional, cell, activation, size)
    h0, shown, words = begin(size)
    state, expected_state = ours.start(h0, shown), theirs.start(h0, shown)
    for word in words:
        log_probs, state = ours.step(word, state)
        expected, expected_state = theirs.step(word, expected_state)
        assert relative_error(log_probs, expected) < 1e-12
        for array, same in zip(state[:-1], expected_state[:-1], strict=True):
            assert relative_error(array, same) < 1e-12


@each_cell
@each_size
def test_the_best_are_the_best_of_the_step(layers: ModuleType, cell: str, activation: str, size) -> None:
    decoding = make(layers, cell, activation, size)
    h0, shown, words = begin(size)
    state = decoding.start(h0, shown)
    full, _ = decoding.step(words[0], state)
    full[:, [0, 3]] = -np.inf
    for count in (1, 3, 8, 500):
        log_probs, ids, after = decoding.best(words[0], state, count, never=(0, 3))
        assert ids.shape == log_probs.shape == (size[0], min(count, size[-1] - 2))
        np.testing.assert_array_equal(ids, np.argsort(-full, axis=1, kind="stable")[:, : ids.shape[1]])
        np.testing.assert_array_equal(log_probs, np.take_along_axis(full, ids, axis=1))
        assert len(after) == len(state)


def test_equal_words_come_in_the_order_of_the_vocabulary(layers: ModuleType) -> None:
    size = (2, 3, 2, 4, 200)
    decoding = make(layers, "gru", "tanh", size)
    flat = layers.DecodingStep(
        "gru", "tanh", *(np.zeros(s) for s in [(200, 3), (5, 12), (4, 12), (12,), (4, 200), (200,)])
    )
    h0, shown, words = begin(size)
    _, ids, _ = flat.best(words[0], flat.start(h0, shown), 5, never=(1,))
    np.testing.assert_array_equal(ids, [[0, 2, 3, 4, 5]] * 2)
    assert decoding.best(words[0], decoding.start(h0, shown), 5)[1].shape == (2, 5)


@each_cell
def test_float32_stays_float32(layers: ModuleType, cell: str, activation: str) -> None:
    size = SIZES[3]
    h0, shown, words = begin(size, np.float32)
    decoding = make(layers, cell, activation, size, np.float32)
    log_probs, state = decoding.step(words[0], decoding.start(h0, shown))
    exact = make(functional, cell, activation, size)
    expected, _ = exact.step(words[0], exact.start(*begin(size)[:2]))
    assert {array.dtype for array in (log_probs, *state)} == {np.dtype(np.float32)}
    assert relative_error(log_probs, expected) < 2e-5


def test_wrong_calls_are_named(layers: ModuleType) -> None:
    decoding = make(layers, "lstm", "tanh", SIZES[0])
    h0, shown, words = begin(SIZES[0])
    state = decoding.start(h0, shown)
    with pytest.raises(IndexError, match="word id 9"):
        decoding.step(np.full(3, 9), state)
    with pytest.raises(ShowtellError, match="h0 has shape"):
        decoding.start(h0[:, 1:], shown)
    with pytest.raises(ShowtellError, match="shown has shape"):
        decoding.start(h0[1:], shown)
    with pytest.raises(ShowtellError, match="count is 0"):
        decoding.best(words[0], state, 0)
    with pytest.raises(ShowtellError):
        decoding.step(words[0][1:], state)
    with pytest.raises(ShowtellError):
        decoding.step(words[0], tuple(array.astype(np.float32) for array in state))
