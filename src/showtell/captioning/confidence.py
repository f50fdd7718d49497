"""How sure a captioner may be of a caption, learnt from captions whose scores are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from showtell.errors import ShowtellError
from showtell.nn.types import Array

ACCEPTABLE = 0.5
"""The CIDEr-D from which on a caption counts as acceptable.

It goes up to 10, but people do not say the same of a photo either: half a point is a caption that shares a telling
phrase with theirs, more than `a man in a`. It is also about the mean of a captioner trained on Flickr8k.
"""

# The prior of a weight, of the bias too: as of a normal distribution of variance 1, whatever the number of captions.
# It keeps the weights finite where all captions, or none, are acceptable.
_L2 = 1.0
_STEPS = 50
_SMALL = 1e-10


@dataclass(frozen=True)
class Confidence:
    """What is to be expected of a caption by its confidence features: whether it is acceptable, and its CIDEr-D.

    A logistic regression (Cox 1958, "The Regression Analysis of Binary Sequences") and a linear one, on F features of
    a caption, such as `Caption.confidence_features`.

    Attributes:
        threshold: the CIDEr-D from which on a caption is acceptable.
        acceptable: bias and weights of the log-odds that it is, F + 1 numbers.
        expected: bias and weights of its CIDEr-D, F + 1 numbers.
    """

    threshold: float
    acceptable: tuple[float, ...]
    expected: tuple[float, ...]

    @classmethod
    def fit(cls, features: Array, cider_d: Array) -> Self:
        """Learn from captions that people's were compared with.

        Args:
            features: of N captions, (N, F).
            cider_d: their CIDEr-D, (N,).

        Raises:
            ShowtellError: there is no caption, not a score for each, or a number that is not finite.
        """
        features, cider_d = np.asarray(features, np.float64), np.asarray(cider_d, np.float64)
        if features.ndim != 2 or cider_d.shape != features.shape[:1]:
            raise ShowtellError(
                f"Confidence.fit: features have shape {features.shape} and cider_d {cider_d.shape}, "
                "expected (N, F) and (N,)"
            )
        if not len(features):
            raise ShowtellError("Confidence.fit: there is no caption to learn from, expected at least one")
        if not (np.isfinite(features).all() and np.isfinite(cider_d).all()):
            raise ShowtellError(
                "Confidence.fit: features and cider_d hold numbers that are not finite; leave these out"
            )
        center, scale = features.mean(axis=0), features.std(axis=0)
        scale[scale <= _SMALL * np.abs(center)] = 1  # a feature that never changes says nothing
        x = (features - center) / scale

        def raw(bias: float, weights: Array) -> tuple[float, ...]:
            """The same function of the features as they are."""
            weights = weights / scale
            return (float(bias - weights @ center), *weights.tolist())

        outcome = (cider_d >= ACCEPTABLE).astype(np.float64)
        odds = _logistic(np.column_stack([np.ones(len(x)), x]), outcome)
        mean = float(cider_d.mean())
        slopes = np.linalg.solve(x.T @ x + _L2 * np.eye(x.shape[1]), x.T @ (cider_d - mean))
        return cls(ACCEPTABLE, raw(float(odds[0]), odds[1:]), raw(mean, slopes))

    def probability(self, features: Array) -> Array:
        """The probability that a caption is acceptable, (N, F) -> (N,), each within [0, 1].

        Raises:
            ShowtellError: these are not as many features as there were to learn from.
        """
        return _sigmoid(self._apply(self.acceptable, features))

    def expected_cider_d(self, features: Array) -> Array:
        """The CIDEr-D to be expected of a caption, (N, F) -> (N,), none below 0.

        Raises:
            ShowtellError: these are not as many features as there were to learn from.
        """
        expected: Array = np.maximum(self._apply(self.expected, features), 0)
        return expected

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """From what `to_dict` gave.

        Raises:
            KeyError: a field is missing.
        """
        return cls(float(fields["threshold"]), _numbers(fields["acceptable"]), _numbers(fields["expected"]))

    def _apply(self, numbers: tuple[float, ...], features: Array) -> Array:
        if features.ndim != 2 or features.shape[1] != len(numbers) - 1:
            raise ShowtellError(f"Confidence: features have shape {features.shape}, expected (N, {len(numbers) - 1})")
        # not a product of matrices: a caption's bits must not depend on how many there are
        values: Array = numbers[0] + (features * np.array(numbers[1:])).sum(axis=1)
        return values


def _numbers(values: Sequence[Any]) -> tuple[float, ...]:
    return tuple(map(float, values))


def _sigmoid(z: Array) -> Array:
    values: Array = 0.5 * (1 + np.tanh(0.5 * z))
    return values


def _logistic(x: Array, y: Array) -> Array:
    """The weights (F,) of the likeliest logistic regression of y (N,) on x (N, F), by Newton's method."""

    def loss(w: Array) -> float:
        z = x @ w
        return float(np.logaddexp(0, z).sum() - z @ y + 0.5 * _L2 * w @ w)

    weights: Array = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        p = _sigmoid(x @ weights)
        curvature = (x * (p * (1 - p))[:, None]).T @ x + _L2 * np.eye(len(weights))
        step = np.linalg.solve(curvature, x.T @ (y - p) - _L2 * weights)
        if np.abs(step).max() <= _SMALL:
            break
        before = loss(weights)
        # A whole step may lead past the valley where the classes hardly mix
        while loss(weights + step) > before and np.abs(step).max() > _SMALL:
            step = step / 2
        weights = weights + step
    return weights
