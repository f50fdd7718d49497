"""The flow of a gradient back through time: how much of it is left after so many steps of a recurrent layer.

A gradient of random direction and norm 1 is put into the last state and into nothing else; the layers' own backward
functions carry it back, a step at a time. What arrives k steps earlier is the product of k Jacobians with it:

    dL/ds_{T-k} = dL/ds_T  (ds_T / ds_{T-1}) ... (ds_{T-k+1} / ds_{T-k})

The state s of the vanilla network and of the GRU is h; that of the LSTM is h and c together, as both carry a gradient
from step to step. It starts in h_T, which is what other layers see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from showtell.errors import ShowtellError
from showtell.nn import functional
from showtell.nn.choices import GATES, Cell, RecurrentInit
from showtell.nn.initialization import recurrent, xavier
from showtell.nn.types import Array

Squash: TypeAlias = Literal["sigmoid", "tanh", "relu"]

_STEPS: dict[Cell, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "rnn": (functional.rnn_step_forward, functional.rnn_step_backward),
    "gru": (functional.gru_step_forward, functional.gru_step_backward),
    "lstm": (functional.lstm_step_forward, functional.lstm_step_backward),
}

CAPTIONS = 8
"""Sequences for each draw of the weights."""

DRAWS = 5
"""How often the weights are drawn."""


@dataclass(frozen=True)
class Network:
    """A recurrent layer as its training begins, and what comes in.

    Attributes:
        name: what it is called.
        cell: `"rnn"`, `"gru"` or `"lstm"`.
        init: of the hidden-to-hidden weights: an `initialization.RecurrentInit`, or the standard deviation of normal
            ones.
        activation: of the vanilla network.
        bias: where the gate that keeps the state begins: the LSTM's forget gate, the GRU's update gate. All other
            biases begin at 0.
        inputs: standard deviation of the inputs, which are normal. Input weights are Xavier's.
    """

    name: str
    cell: Cell
    init: RecurrentInit | float
    activation: Squash = "tanh"
    bias: float = 0.0
    inputs: float = 1.0

    def weights(self, hidden: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Wx (H, G), Wh (H, G) and b (G,), G the width of all gates.

        Raises:
            ShowtellError: an init of another name.
        """
        gates = GATES[self.cell]
        Wx = np.concatenate([xavier(hidden, hidden, rng, np.float64) for _ in range(gates)], axis=1)
        if isinstance(self.init, float):
            Wh: Array = self.init * rng.standard_normal((hidden, gates * hidden))
        else:
            Wh = recurrent(self.init, hidden, gates, rng, np.float64)
        b = np.zeros(gates * hidden)
        b[hidden : 2 * hidden] = self.bias  # the forget gate of i, f, o, g; the update gate of r, z, n
        if self.activation == "sigmoid":
            # h = sigmoid(x Wx + h_prev Wh) is, with u = 2 h - 1, u = tanh(x Wx / 2 + (u_prev + 1) Wh / 4): a tanh
            # network, whose gradients are half as large, all of them
            return Wx / 2, Wh / 4, Wh.sum(axis=0) / 4
        return Wx, Wh, b


NETWORKS: tuple[Network, ...] = (
    Network("tanh, 0.01 N(0, 1)", "rnn", 0.01),
    Network("tanh, N(0, 1)", "rnn", 1.0),
    Network("tanh, xavier", "rnn", "xavier"),
    Network("tanh, identity", "rnn", "identity"),
    Network("tanh, orthogonal", "rnn", "orthogonal"),
    Network("tanh, orthogonal, inputs x 5", "rnn", "orthogonal", inputs=5.0),
    Network("tanh, orthogonal, inputs x 0.1", "rnn", "orthogonal", inputs=0.1),
    Network("sigmoid, orthogonal", "rnn", "orthogonal", "sigmoid"),
    Network("ReLU, 0.01 N(0, 1)", "rnn", 0.01, "relu"),
    Network("ReLU, 0.2 N(0, 1)", "rnn", 0.2, "relu"),
    Network("ReLU, xavier", "rnn", "xavier", "relu"),
    Network("ReLU, orthogonal", "rnn", "orthogonal", "relu"),
    Network("ReLU, identity", "rnn", "identity", "relu"),
    Network("GRU, xavier", "gru", "xavier"),
    Network("GRU, identity", "gru", "identity"),
    Network("GRU, orthogonal", "gru", "orthogonal"),
    Network("GRU, orthogonal, update bias 3", "gru", "orthogonal", bias=3.0),
    Network("LSTM, xavier, forget bias 1", "lstm", "xavier", bias=1.0),
    Network("LSTM, identity, forget bias 1", "lstm", "identity", bias=1.0),
    Network("LSTM, orthogonal, forget bias 0", "lstm", "orthogonal"),
    Network("LSTM, orthogonal, forget bias 1", "lstm", "orthogonal", bias=1.0),
    Network("LSTM, orthogonal, forget bias 3", "lstm", "orthogonal", bias=3.0),
)
"""What the laboratory measures."""


class Flow(NamedTuple):
    """What was measured of a network, over captions and draws of the weights.

    Each array is (T + 1,), from the last step back to the initial state: log10 of the gradient's norm, relative to that
    at the last step; -inf where nothing is left.
    """

    network: Network
    lower: Array
    median: Array
    upper: Array


def measure(network: Network, steps: int = 100, hidden: int = 128, seed: int = 0) -> Flow:
    """Let a gradient flow back through a network, `DRAWS` times with other weights, inputs and directions.

    Args:
        network: which.
        steps: T, number of steps.
        hidden: H, and as wide are the inputs.
        seed: of all that is drawn.

    Returns:
        Quartiles over `DRAWS * CAPTIONS` gradients.

    Raises:
        ShowtellError: no step, no width, or an init of another name.
    """
    if steps < 1 or hidden < 1:
        raise ShowtellError(f"measure: steps is {steps} and hidden is {hidden}, expected at least 1 of each")
    logs = np.concatenate([log_norms(network, steps, hidden, np.random.default_rng([seed, k])) for k in range(DRAWS)])
    return Flow(network, *np.quantile(logs, [0.25, 0.5, 0.75], axis=0, method="nearest"))


def log_norms(network: Network, steps: int, hidden: int, rng: np.random.Generator) -> Array:
    """log10 of the norm of each caption's gradient, (CAPTIONS, T + 1), from the last step back to the initial state."""
    weights = network.weights(hidden, rng)
    x = network.inputs * rng.standard_normal((steps, CAPTIONS, hidden))
    direction = rng.standard_normal((CAPTIONS, hidden))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    forward, backward = _STEPS[network.cell]
    options = {"activation": "relu"} if network.activation == "relu" else {}
    nothing = np.zeros((CAPTIONS, hidden))

    state, caches = [nothing, nothing] if network.cell == "lstm" else [nothing], []
    for x_t in x:
        *state, cache = forward(x_t, *state, *weights, **options)
        caches.append(cache)
    grads = [direction, nothing][: len(state)]
    logs = np.zeros((CAPTIONS, steps + 1))
    for k, cache in enumerate(reversed(caches), start=1):
        _, *rest = backward(*grads, cache)
        grads = rest[: len(state)]
        norm = np.linalg.norm(np.concatenate(grads, axis=1), axis=1, keepdims=True)
        with np.errstate(divide="ignore"):
            logs[:, k] = logs[:, k - 1] + np.log10(norm[:, 0])
        # A backward is linear: from norm 1 again it can go on for ever, and no number gets too small
        grads = [grad / np.where(norm, norm, 1) for grad in grads]
    return logs
