"""Finite differences: the measured slope of a loss, and the slope according to its gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from showtell.nn.functional.checks import ShapeError
from showtell.nn.types import Array

TOLERANCE = 1e-8
"""The largest relative error of a gradient in float64."""


class GradientCheck(NamedTuple):
    """A loss, where it is to be differentiated, and the gradient that is to be checked.

    `loss` takes the arguments by position, in the order of `args`; `grads` are its gradients, by the same names. It is
    smooth enough for `epsilon`, the step of the differences.
    """

    loss: Callable[..., float]
    args: Mapping[str, Array]
    grads: Mapping[str, Array]
    epsilon: float


class Slope(NamedTuple):
    """The slope of the loss as one argument moves: by finite differences, and by its gradient.

    `scale` is what the difference of the two is measured by.
    """

    argument: str
    numeric: float
    exact: float
    scale: float

    @property
    def error(self) -> float:
        """The relative error of the gradient; infinite where one of the two is not a number."""
        error = abs(self.numeric - self.exact) / self.scale
        return error if math.isfinite(error) else math.inf

    def __str__(self) -> str:
        return (
            f"{self.argument}: finite differences {self.numeric!r}, backward {self.exact!r}, "
            f"relative error {self.error:.1e}"
        )


def slopes(check: GradientCheck, rng: np.random.Generator) -> Iterator[Slope]:
    """Measure the loss's slope along random directions of each argument, by a five-point stencil.

    Its error is of the order epsilon ** 4, so that float64 leaves about eleven digits of the slope.

    Raises:
        ShowtellError: a gradient has another shape than its argument.
    """
    at = list(check.args.values())
    for place, (name, arg) in enumerate(check.args.items()):
        grad = check.grads[name]
        if grad.shape != arg.shape:
            raise ShapeError(f"the gradient of {name} has shape {grad.shape}, expected {arg.shape}")
        for direction in _directions(rng, arg.shape):
            step = check.epsilon * direction
            two_back, back, ahead, two_ahead = (
                check.loss(*at[:place], arg + k * step, *at[place + 1 :]) for k in (-2, -1, 1, 2)
            )
            numeric = (two_back - 8 * back + 8 * ahead - two_ahead) / (12 * check.epsilon)
            exact = float(np.vdot(grad, direction))
            # A slope much smaller than its direction's usual one is a difference of large numbers
            scale = max(abs(numeric), abs(exact), 0.1 * float(np.linalg.norm(grad)), 1e-6)
            yield Slope(name, numeric, exact, scale)


def _directions(rng: np.random.Generator, shape: tuple[int, ...]) -> list[Array]:
    """Three dense directions of length 1, and up to three along one coordinate."""
    size = math.prod(shape)
    if not size:
        return []
    dense = [rng.standard_normal(shape) for _ in range(3)]
    coordinates = [np.eye(1, size, int(rng.integers(size))).reshape(shape) for _ in range(3)]
    return [direction / np.linalg.norm(direction) for direction in dense] + coordinates
