"""Decoding step by step: what a step of the layers gives, and the best of it."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from gradients import relative_error
from showtell.errors import ShowtellError
from showtell.nn import functional
from showtell.nn.choices import GATES
from showtell.nn.functional.decoding import Attention

CELLS = [("lstm", "tanh"), ("gru", "tanh"), ("rnn", "tanh"), ("rnn", "relu")]
# (R, E, S, H, V): usual, one of each, more rows than a tile, more than one panel
SIZES = [(3, 4, 2, 5, 9), (1, 1, 1, 1, 5), (13, 7, 3, 17, 33), (2, 20, 9, 70, 300)]
each_cell = pytest.mark.parametrize(("cell", "activation"), CELLS)
each_attention = pytest.mark.parametrize("heads", [0, 1, 3])
each_size = pytest.mark.parametrize("size", SIZES, ids=str)


def make(
    layers: ModuleType, cell: str, activation: str, size: tuple[int, ...], heads: int = 0, dtype: type = np.float64
):
    _, E, S, H, V = size
    rng = np.random.default_rng([E, S, H, V])
    G = GATES[cell] * H
    shapes = [(V, E), (E + S, G), (H, G), (G,), (H, V), (V,)]
    if heads:
        A, Z = 2 * heads + heads * H, E + 3
        shapes[4:] = [(Z, V), (V,), (H, A), (A,), (H + A, Z), (Z,)]
    weights = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    attention = Attention(*weights[6:], heads) if heads else None
    return layers.DecodingStep(cell, activation, *weights[:6], attention=attention)


def begin(size: tuple[int, ...], heads: int = 0, dtype: type = np.float64) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """What `start` takes, and words for three steps."""
    R, _, S, H, V = size
    rng = np.random.default_rng(0)
    shapes = [(R, H), (R, S)] + ([(R, 9, 2 * heads + heads * H)] * 2 if heads else [])
    return tuple(rng.standard_normal(shape).astype(dtype) for shape in shapes), rng.integers(0, V, (3, R))


@each_cell
@each_size
@each_attention
def test_steps_are_those_of_the_functional_layers(layers: ModuleType, cell: str, activation: str, size, heads) -> None:
    ours, theirs = make(layers, cell, activation, size, heads), make(functional, cell, activation, size, heads)
    first, words = begin(size, heads)
    state, expected_state = ours.start(*first), theirs.start(*first)
    for word in words:
        log_probs, state = ours.step(word, state)
        expected, expected_state = theirs.step(word, expected_state)
        assert relative_error(log_probs, expected) < 1e-12
        for array, same in zip(state.memory, expected_state.memory, strict=True):
            assert relative_error(array, same) < 1e-12
        rows = np.arange(len(state))[::-1]
        state, expected_state = state.take(rows), expected_state.take(rows)


@each_cell
@each_size
@each_attention
def test_the_best_are_the_best_of_the_step(layers: ModuleType, cell: str, activation: str, size, heads) -> None:
    decoding = make(layers, cell, activation, size, heads)
    first, words = begin(size, heads)
    state = decoding.start(*first)
    full, _ = decoding.step(words[0], state)
    full[:, [0, 3]] = -np.inf
    for count in (1, 3, 8, 500):
        log_probs, ids, after = decoding.best(words[0], state, count, suppressed=(0, 3))
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
    first, words = begin(size)
    _, ids, _ = flat.best(words[0], flat.start(*first), 5, suppressed=(1,))
    np.testing.assert_array_equal(ids, [[0, 2, 3, 4, 5]] * 2)
    assert decoding.best(words[0], decoding.start(*first), 5)[1].shape == (2, 5)


@each_cell
@each_attention
def test_float32_stays_float32(layers: ModuleType, cell: str, activation: str, heads: int) -> None:
    size = SIZES[3]
    first, words = begin(size, heads, np.float32)
    decoding = make(layers, cell, activation, size, heads, np.float32)
    log_probs, state = decoding.step(words[0], decoding.start(*first))
    exact = make(functional, cell, activation, size, heads)
    expected, _ = exact.step(words[0], exact.start(*begin(size, heads)[0]))
    assert {array.dtype for array in (log_probs, *state.memory)} == {np.dtype(np.float32)}
    assert relative_error(log_probs, expected) < 2e-5


def test_wrong_calls_are_named(layers: ModuleType) -> None:
    decoding = make(layers, "lstm", "tanh", SIZES[0])
    (h0, image), words = begin(SIZES[0])
    state = decoding.start(h0, image)
    with pytest.raises(IndexError, match="word id 9"):
        decoding.step(np.full(3, 9), state)
    with pytest.raises(IndexError, match="word id -1"):
        decoding.best(np.full(3, -1), state, 2)
    with pytest.raises(ShowtellError, match="h0 has shape"):
        decoding.start(h0[:, 1:], image)
    with pytest.raises(ShowtellError, match="image has shape"):
        decoding.start(h0[1:], image)
    with pytest.raises(ShowtellError, match="count is 0"):
        decoding.best(words[0], state, 0)
    with pytest.raises(ShowtellError):
        decoding.step(words[0][1:], state)
    with pytest.raises(ShowtellError):
        decoding.step(words[0], replace(state, memory=tuple(array.astype(np.float32) for array in state.memory)))
    with pytest.raises(ShowtellError, match="keys and values are for a decoder with attention"):
        decoding.start(h0, image, h0[:, None], h0[:, None])
    looking = make(layers, "lstm", "tanh", SIZES[0], heads=1)
    (h0, image, keys, values), words = begin(SIZES[0], heads=1)
    with pytest.raises(ShowtellError, match="needs keys and values"):
        looking.start(h0, image)
    with pytest.raises(ShowtellError, match=r"keys has shape \(3, 9, 6\)"):
        looking.start(h0, image, keys[..., 1:], values)
    state = looking.start(h0, image, keys, values)
    with pytest.raises(IndexError, match="photo holds"):
        looking.step(words[0], replace(state, photo=np.array([0, 1, 3])))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": "elman"}, "cell is 'elman', expected one of 'lstm', 'gru', 'rnn'"),
        ({"activation": "gelu"}, "activation is 'gelu'"),
        ({"Wx": np.zeros((2, 20))}, r"Wx has shape \(2, 20\), expected at least 4 rows"),
        ({"heads": 0}, "heads is 0, expected a divisor of A, 6"),
        ({"heads": 4}, "heads is 4, expected a divisor of A, 6"),
        ({"heads": -2}, "heads is -2, expected a divisor of A, 6"),
        ({"W_query": np.zeros((5, 0)), "b_query": np.zeros(0), "W_combine": np.zeros((5, 7))}, "width A = 0"),
        ({"W_combine": np.zeros((10, 7))}, r"W_combine has shape \(10, 7\), expected \(11, 7\)"),
        ({"W_combine": np.zeros((11, 7), np.float32)}, "W_combine has dtype float32, expected float64"),
    ],
)
def test_weights_that_do_not_fit_together_are_named(layers: ModuleType, change: dict, message: str) -> None:
    usual = {
        "cell": "lstm", "activation": "tanh", "W_embed": np.zeros((9, 4)), "Wx": np.zeros((6, 20)),
        "Wh": np.zeros((5, 20)), "b": np.zeros(20), "W_vocab": np.zeros((7, 9)), "b_vocab": np.zeros(9),
        "W_query": np.zeros((5, 6)), "b_query": np.zeros(6), "W_combine": np.zeros((11, 7)), "b_combine": np.zeros(7),
        "heads": 2,
    }  # fmt: skip
    *weights, W_query, b_query, W_combine, b_combine, heads = (usual | change).values()
    with pytest.raises(ShowtellError, match=message):
        layers.DecodingStep(*weights, attention=Attention(W_query, b_query, W_combine, b_combine, heads))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {"keys": s.keys[..., 1:], "values": s.values[..., 1:]}, r"keys has shape \(3, 9, 6\), expected .*7"),
        (lambda s: {"values": s.values[:, 1:]}, r"values has shape \(3, 8, 7\), expected \(3, 9, 7\)"),
        (lambda s: {"keys": s.keys.astype(np.float32)}, "keys has dtype float32"),
        (lambda s: {"keys": s.keys[:, :0], "values": s.values[:, :0]}, "the grids have no position"),
        (lambda s: {"keys": None, "values": None}, "needs keys and values"),
        (lambda s: {"memory": s.memory[:1]}, "the state is 1 arrays, expected 2, lstm's h and c"),
        (lambda s: {"memory": (s.memory[0], s.memory[1][:, 1:])}, r"c has shape \(3, 4\)"),
        (lambda s: {"image": s.image[:, 1:]}, "image has shape"),
        (lambda s: {"photo": np.zeros(3)}, "photo has dtype float64, expected integers"),
        (lambda s: {"photo": np.zeros(2, int)}, r"photo has shape \(2,\)"),
        (lambda s: {"keys": s.keys.tolist()}, "keys is a list"),
    ],
)
def test_a_state_of_another_decoder_is_refused(layers: ModuleType, change, message: str) -> None:
    decoding = make(layers, "lstm", "tanh", SIZES[0], heads=1)
    first, words = begin(SIZES[0], heads=1)
    state = decoding.start(*first)
    with pytest.raises(ShowtellError, match=message):
        decoding.step(words[0], replace(state, **change(state)))
    with pytest.raises(ShowtellError, match=message):
        decoding.best(words[0], replace(state, **change(state)), 2)


def test_a_state_that_is_none_and_words_that_are_none_are_refused(layers: ModuleType) -> None:
    decoding = make(layers, "gru", "tanh", SIZES[0])
    first, words = begin(SIZES[0])
    state = decoding.start(*first)
    for wrong in (words[0].astype(float), words[0].tolist(), words[:1]):
        with pytest.raises(ShowtellError, match="words"):
            decoding.step(wrong, state)
    with pytest.raises(ShowtellError, match="the state is a tuple, expected one that `start` began"):
        decoding.step(words[0], (state.memory, state.image))
    for count in (1.5, True, "3"):
        with pytest.raises(ShowtellError, match=r"count is .*, expected an integer"):
            decoding.best(words[0], state, count)
    with pytest.raises(ShowtellError, match=r"a suppressed word is 1\.5, expected an integer"):
        decoding.best(words[0], state, 2, suppressed=(1.5,))


@pytest.mark.parametrize("change", [np.asfortranarray, lambda grid: np.flip(np.flip(grid).copy())])
def test_grids_in_any_order_of_memory_are_read(layers: ModuleType, change) -> None:
    decoding = make(layers, "lstm", "tanh", SIZES[0], heads=1)
    first, words = begin(SIZES[0], heads=1)
    state = decoding.start(*first)
    expected, _ = decoding.step(words[0], state)
    found, _ = decoding.step(words[0], replace(state, keys=change(state.keys), values=change(state.values)))
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_a_weight_that_is_no_number_gives_no_probability(layers: ModuleType) -> None:
    for word in range(40):
        weights = [np.zeros(s) for s in [(40, 3), (5, 12), (4, 12), (12,), (4, 40), (40,)]]
        weights[-1][word] = np.nan
        decoding = layers.DecodingStep("gru", "tanh", *weights)
        state = decoding.start(np.zeros((1, 4)), np.zeros((1, 2)))
        assert np.isnan(decoding.step(np.zeros(1, int), state)[0]).all()
        assert np.isnan(decoding.best(np.zeros(1, int), state, 3)[0]).all()


@pytest.mark.parametrize("change", [np.asfortranarray, lambda array: np.flip(np.flip(array).copy())])
@each_attention
def test_weights_in_any_order_of_memory_are_read(layers: ModuleType, change, heads: int) -> None:
    usual = make(functional, "lstm", "tanh", SIZES[0], heads)
    attention = usual.attention and Attention(*map(change, usual.attention[:4]), heads)
    weights = map(change, (usual.W_embed, usual.Wx, usual.Wh, usual.b, usual.W_vocab, usual.b_vocab))
    decoding = layers.DecodingStep("lstm", "tanh", *weights, attention=attention)
    first, words = begin(SIZES[0], heads)
    found, _ = decoding.step(words[0], decoding.start(*first))
    np.testing.assert_allclose(found, usual.step(words[0], usual.start(*first))[0], rtol=1e-12)


def test_an_affine_layer_s_weights_may_lie_in_any_order(layers: ModuleType) -> None:
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((3, 5)), rng.standard_normal((7, 5)).T, rng.standard_normal(14)[::-2]
    np.testing.assert_allclose(layers.Affine(w, b)(x), x @ w + b)
