"""The classes that the encoder was taught to tell apart, and how likely each is for a photo."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from showtell.nn.backend import default_backend
from showtell.nn.types import Array

_SHIPPED = Path(__file__).parents[1] / "models" / "imagenet_classes.safetensors"


class Classes:
    """ImageNet's 1,000 classes, as the shipped encoder's own classifier tells them apart.

    Attributes:
        names: what each class is called.
        encoder_identity: of the encoder whose features it knows.
    """

    def __init__(self) -> None:
        from safetensors import safe_open

        with safe_open(_SHIPPED, "numpy") as file:
            header = json.loads(file.metadata()["showtell"])
            self._W, self._b = file.get_tensor("W").astype(np.float32), file.get_tensor("b")
        self.names: tuple[str, ...] = tuple(header["names"])
        self.encoder_identity: str = header["encoder"]

    @property
    def classifier(self) -> tuple[Array, Array]:
        """Weights (1280, 1000) and bias (1000,)."""
        return self._W, self._b

    def probabilities(self, features: Array) -> Array:
        """The probability of each class, float32 (N, 1000), of photos' grids (N, 81, 1280) or their means (N, 1280)."""
        pooled = features.astype(np.float32).mean(axis=1) if features.ndim == 3 else features.astype(np.float32)
        scores: Array = default_backend().affine_forward(pooled, self._W, self._b)[0]
        likely: Array = np.exp(scores - scores.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        return likely

    def likeliest(self, features: Array) -> Iterator[tuple[str, float]]:
        """The name of each photo's likeliest class, and its probability."""
        probabilities = self.probabilities(features)
        for of_photo, best in zip(probabilities, probabilities.argmax(axis=1), strict=True):
            yield self.names[best], float(of_photo[best])


@functools.cache
def shipped_classes() -> Classes:
    """The classes of the encoder that ships, read once."""
    return Classes()
