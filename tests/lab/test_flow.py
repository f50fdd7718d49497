from __future__ import annotations

import numpy as np
import pytest

from showtell.errors import ShowtellError
from showtell.lab.flow import CAPTIONS, NETWORKS, Network, log_norms, measure
from showtell.nn import functional
from showtell.nn.functional.activations import sigmoid

BY_NAME = {network.name: network for network in NETWORKS}


def drawn(network: Network, T: int, H: int) -> tuple[tuple, np.ndarray, np.ndarray]:
    """Weights, inputs (N, T, H) and directions (N, H) as `log_norms` draws them from seed 0."""
    rng = np.random.default_rng(0)
    weights = network.weights(H, rng)
    x = network.inputs * rng.standard_normal((T, CAPTIONS, H))
    direction = rng.standard_normal((CAPTIONS, H))
    return weights, x.transpose(1, 0, 2), direction / np.linalg.norm(direction, axis=1, keepdims=True)


@pytest.mark.parametrize("T", [1, 2, 9])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_the_first_state_gets_what_the_sequence_s_backward_gives(network: Network, T: int) -> None:
    H = 7
    weights, x, direction = drawn(network, T, H)
    up = np.zeros((CAPTIONS, T, H))
    up[:, -1] = direction
    start = np.zeros((CAPTIONS, H))
    if network.cell == "lstm":
        _, cache = functional.lstm_forward(x, start, *weights, start)
        _, dh0, *_, dc0 = functional.lstm_backward(up, cache)
        grads = [dh0, dc0]
    else:
        options = ["relu"] if network.activation == "relu" else []
        _, cache = getattr(functional, f"{network.cell}_forward")(x, start, *weights, *options)
        grads = [getattr(functional, f"{network.cell}_backward")(up, cache)[1]]
    logs = log_norms(network, T, H, np.random.default_rng(0))
    assert logs.shape == (CAPTIONS, T + 1)
    np.testing.assert_array_equal(logs[:, 0], 0)
    np.testing.assert_allclose(10 ** logs[:, -1], np.linalg.norm(np.concatenate(grads, axis=1), axis=1), rtol=1e-10)


def test_a_sigmoid_network_is_one() -> None:
    """Against its states and its Jacobians written down: h = sigmoid(x Wx + h Wh), from h = 1/2 on."""
    network, T, H = BY_NAME["sigmoid, orthogonal"], 6, 5
    (Wx, Wh, b), x, grad = drawn(network, T, H)
    Wx, Wh = 2 * Wx, 4 * Wh
    np.testing.assert_allclose(Wh @ Wh.T, np.eye(H), atol=1e-12)
    np.testing.assert_allclose(b, Wh.sum(axis=0) / 4)
    states = [np.full((CAPTIONS, H), 0.5)]
    for t in range(T):
        states.append(sigmoid(x[:, t] @ Wx + states[-1] @ Wh))
    logs = log_norms(network, T, H, np.random.default_rng(0))
    for k, h in enumerate(reversed(states[1:]), start=1):
        grad = (grad * h * (1 - h)) @ Wh.T
        np.testing.assert_allclose(10 ** logs[:, k], np.linalg.norm(grad, axis=1), rtol=1e-10)


def test_each_remedy_keeps_more() -> None:
    found = {name: measure(network, steps=40, hidden=32).median[-1] for name, network in BY_NAME.items()}
    for less, more in [
        ("tanh, 0.01 N(0, 1)", "tanh, orthogonal, inputs x 5"),
        ("tanh, orthogonal, inputs x 5", "tanh, orthogonal"),
        ("tanh, orthogonal", "tanh, orthogonal, inputs x 0.1"),
        ("sigmoid, orthogonal", "tanh, orthogonal"),
        ("tanh, orthogonal", "ReLU, orthogonal"),
        ("ReLU, orthogonal", "ReLU, identity"),
        ("LSTM, orthogonal, forget bias 0", "LSTM, orthogonal, forget bias 1"),
        ("LSTM, orthogonal, forget bias 1", "LSTM, orthogonal, forget bias 3"),
        ("GRU, orthogonal", "GRU, orthogonal, update bias 3"),
    ]:
        assert found[less] + 1 < found[more], f"{less} keeps more than {more}"
    for kept in ("ReLU, identity", "LSTM, orthogonal, forget bias 3", "GRU, orthogonal, update bias 3"):
        assert -2 < found[kept] < 1
    assert found["tanh, N(0, 1)"] > 6


def test_norms_beyond_float64_are_measured() -> None:
    flow = measure(Network("tiny", "rnn", 1e-9), steps=60, hidden=8)
    assert -600 < flow.median[-1] < -480
    assert (flow.lower <= flow.median).all()
    assert (flow.median <= flow.upper).all()


def test_vanished_gradient_is_minus_infinity() -> None:
    flow = measure(Network("cut", "rnn", 0.0), steps=2, hidden=3)
    np.testing.assert_array_equal(flow.median, [0, -np.inf, -np.inf])


def test_the_seed_decides() -> None:
    network = NETWORKS[-1]
    one, same, other = (measure(network, steps=3, hidden=4, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.median, same.median)
    assert (one.median[1:] != other.median[1:]).all()


def test_wrong_calls_are_named() -> None:
    with pytest.raises(ShowtellError, match="steps is 0 and hidden is 4"):
        measure(NETWORKS[0], steps=0, hidden=4)
    with pytest.raises(ShowtellError, match="init is 'zeros'"):
        measure(Network("none", "gru", "zeros"), steps=1, hidden=4)
