"""Which objects a photo shows, from its features: a logistic regression for each object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from showtell.errors import ShowtellError
from showtell.nn.backend import default_backend
from showtell.nn.functional import sigmoid
from showtell.nn.functional.checks import check_arrays
from showtell.nn.types import Array


@dataclass(frozen=True)
class ObjectHead:
    """A linear layer from features to the objects' logits.

    Attributes:
        names: what the objects are called, C of them.
        W: weights, float32 (F, C).
        b: bias, float32 (C,).
    """

    names: tuple[str, ...]
    W: NDArray[np.float32]
    b: NDArray[np.float32]

    @classmethod
    def of(cls, names: Sequence[str], W: Array, b: Array) -> ObjectHead:
        """The head of these arrays.

        Raises:
            ShowtellError: their shapes do not fit together, or are not those of so many objects.
        """
        check_arrays("ObjectHead", W=(W, "F C"), b=(b, "C"))
        if len(names) != len(b):
            raise ShowtellError(f"ObjectHead: {len(names)} names for {len(b)} objects; expected as many")
        return cls(tuple(map(str, names)), W, b)

    def probabilities(self, features: Array) -> Array:
        """How likely each object is there, (N, C), given pooled features (N, F) or grids (N, P, F)."""
        pooled = features.astype(np.float32)
        logits, _ = default_backend().affine_forward(
            pooled.mean(axis=1) if pooled.ndim == 3 else pooled, self.W, self.b
        )
        likely: Array = sigmoid(logits)
        return likely

    def entropy(self, features: Array) -> Array:
        """How undecided the head is about each photo, (N,): the entropies of its C objects in nats, summed."""
        likely = self.probabilities(features).astype(np.float64).clip(1e-12, 1 - 1e-12)
        summed: Array = -(likely * np.log(likely) + (1 - likely) * np.log(1 - likely)).sum(axis=1)
        return summed

    def activation(self, grid: Array, objects: NDArray[np.intp]) -> Array:
        """How much each position speaks for some objects, (P, objects): class activation maps.

        Zhou et al. 2016, "Learning Deep Features for Discriminative Localization" (arXiv:1512.04150).
        """
        maps: Array = grid @ self.W[:, objects]
        return maps
