"""The elementwise functions of the recurrent cells, and their derivatives as functions of the output."""

from __future__ import annotations

from typing import get_args

import numpy as np

from showtell.errors import ShowtellError
from showtell.nn.choices import Activation
from showtell.nn.types import Array


def sigmoid(a: Array) -> Array:
    """1 / (1 + exp(-a)), written as (1 + tanh(a / 2)) / 2: the same function, and it cannot overflow."""
    s: Array = np.tanh(0.5 * a)
    s *= 0.5
    s += 0.5
    return s


def check_activation(activation: str) -> None:
    """Check that there is such an activation.

    Raises:
        ShowtellError: there is not.
    """
    if activation not in get_args(Activation):
        raise ShowtellError(f"activation is {activation!r}, expected 'tanh' or 'relu'")


def activate(a: Array, activation: Activation) -> Array:
    """tanh(a) or max(a, 0).

    Raises:
        ShowtellError: an activation of another name.
    """
    check_activation(activation)
    return np.tanh(a) if activation == "tanh" else np.maximum(a, 0)


def activation_slope(h: Array, activation: Activation) -> Array:
    """The derivative at the point where the activation's value was `h`; relu's at 0 is taken as 0."""
    if activation == "tanh":
        return 1 - h * h
    return (h > 0).astype(h.dtype)
