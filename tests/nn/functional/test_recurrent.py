"""What holds between a sequence and its steps, for each of the recurrent layers."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from gradients import relative_error
from showtell.errors import ShowtellError
from showtell.lab.cases import recurrent
from showtell.nn.functional.activations import sigmoid


def test_a_sequence_is_its_steps_lstm(layers: ModuleType) -> None:
    a = recurrent("lstm", 3, 6, 4, 5)
    h, cache = layers.lstm_forward(a["x"], a["h0"], a["Wx"], a["Wh"], a["b"], a["c0"])
    state, caches = (a["h0"], a["c0"]), []
    for t in range(6):
        *state, step_cache = layers.lstm_step_forward(a["x"][:, t], *state, a["Wx"], a["Wh"], a["b"])
        np.testing.assert_allclose(h[:, t], state[0], atol=1e-14)
        caches.append(step_cache)
    dh = np.random.default_rng(0).standard_normal(h.shape)
    dprev_h = dprev_c = np.zeros_like(a["h0"])
    sums = [0.0, 0.0, 0.0]
    for t in reversed(range(6)):
        _, dprev_h, dprev_c, *weights = layers.lstm_step_backward(dh[:, t] + dprev_h, dprev_c, caches[t])
        sums = [total + part for total, part in zip(sums, weights, strict=True)]
    _, dh0, *whole, dc0 = layers.lstm_backward(dh, cache)
    for ours, theirs in zip([dh0, dc0, *whole], [dprev_h, dprev_c, *sums], strict=True):
        assert relative_error(ours, theirs) < 1e-13


@pytest.mark.parametrize(("cell", "options"), [("rnn", ("tanh",)), ("rnn", ("relu",)), ("gru", ())])
def test_a_sequence_is_its_steps(layers: ModuleType, cell: str, options: tuple[str, ...]) -> None:
    a = recurrent(cell, 3, 6, 4, 5)
    weights = (a["Wx"], a["Wh"], a["b"])
    h, cache = getattr(layers, f"{cell}_forward")(a["x"], a["h0"], *weights, *options)
    state, caches = a["h0"], []
    for t in range(6):
        state, step_cache = getattr(layers, f"{cell}_step_forward")(a["x"][:, t], state, *weights, *options)
        np.testing.assert_allclose(h[:, t], state, atol=1e-14)
        caches.append(step_cache)
    dh = np.random.default_rng(0).standard_normal(h.shape)
    dprev_h, sums = np.zeros_like(state), [0.0, 0.0, 0.0]
    for t in reversed(range(6)):
        _, dprev_h, *parts = getattr(layers, f"{cell}_step_backward")(dh[:, t] + dprev_h, caches[t])
        sums = [total + part for total, part in zip(sums, parts, strict=True)]
    _, dh0, *whole = getattr(layers, f"{cell}_backward")(dh, cache)
    for ours, theirs in zip([dh0, *whole], [dprev_h, *sums], strict=True):
        assert relative_error(ours, theirs) < 1e-13


def test_the_cell_state_begins_at_zero(layers: ModuleType) -> None:
    a = recurrent("lstm", 2, 3, 4, 5)
    args = (a["x"], a["h0"], a["Wx"], a["Wh"], a["b"])
    without, cache = layers.lstm_forward(*args)
    given, given_cache = layers.lstm_forward(*args, np.zeros_like(a["c0"]))
    np.testing.assert_array_equal(without, given)
    assert len(layers.lstm_backward(np.ones_like(without), cache)) == 5
    assert len(layers.lstm_backward(np.ones_like(given), given_cache)) == 6


def test_an_open_forget_gate_carries_a_gradient_and_a_small_tanh_network_loses_it(layers: ModuleType) -> None:
    """Why gates: the slope of the last state by the first, over 60 steps."""
    N, T, D, H = 1, 60, 2, 8
    rng = np.random.default_rng(0)
    x, h0 = rng.standard_normal((N, T, D)), rng.standard_normal((N, H))
    up = np.zeros((N, T, H))
    up[:, -1] = 1
    Wh = 0.3 * np.linalg.qr(rng.standard_normal((H, H)))[0]
    _, cache = layers.rnn_forward(x, h0, rng.standard_normal((D, H)), Wh, np.zeros(H))
    lost = np.abs(layers.rnn_backward(up, cache)[1]).max()
    b = np.zeros(4 * H)
    b[H : 2 * H] = 10  # the forget gate
    _, cache = layers.lstm_forward(x, h0, np.zeros((D, 4 * H)), np.zeros((H, 4 * H)), b, rng.standard_normal((N, H)))
    kept = np.abs(layers.lstm_backward(up, cache)[5]).max()
    _, cache = layers.rnn_forward(np.abs(x), np.abs(h0), np.ones((D, H)), np.eye(H), np.zeros(H), "relu")
    identity = layers.rnn_backward(up, cache)[1]
    assert lost < 1e-25
    assert kept > 0.2
    np.testing.assert_allclose(identity, 1)


def test_sigmoid_does_not_overflow() -> None:
    a = np.array([-1e5, -5.0, 0.0, 5.0, 1e5])
    np.testing.assert_allclose(sigmoid(a), [0, 1 / (1 + np.exp(5)), 0.5, 1 / (1 + np.exp(-5)), 1])


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize(("N", "T"), [(3, 6), (1, 1), (2, 0), (0, 2), (40, 9)])
def test_without_a_cache_the_states_are_the_same(layers: ModuleType, cell: str, N: int, T: int) -> None:
    a = recurrent(cell, N, T, 4, 37)
    arguments, lengths = [a[name] for name in ("x", "h0", "Wx", "Wh", "b")], np.arange(N) % (T + 1)
    forward, backward = getattr(layers, f"{cell}_forward"), getattr(layers, f"{cell}_backward")
    expected, _ = forward(*arguments, lengths=lengths)
    h, cache = forward(*arguments, lengths=lengths, with_cache=False)
    np.testing.assert_array_equal(h, expected)
    with pytest.raises(ShowtellError, match=f"{cell}_forward kept nothing for it"):
        backward(np.ones_like(h), cache)
