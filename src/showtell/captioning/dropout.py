"""Dropout where a decoder may or may not have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from showtell.nn.backend import Backend
from showtell.nn.caches import DropoutCache
from showtell.nn.types import Array


@dataclass(frozen=True)
class Dropout:
    """The dropout of one pass through a decoder.

    Attributes:
        backend: who computes.
        rate: share that is dropped; 0 passes everything on.
        rng: where the randomness comes from; needed if the rate is above 0.
    """

    backend: Backend
    rate: float = 0.0
    rng: np.random.Generator | None = None

    def forward(self, x: Array) -> tuple[Array, DropoutCache | None]:
        """What is left of x, and the cache for `dropout_backward`; None if nothing is dropped."""
        if not self.rate or self.rng is None:
            return x, None
        return self.backend.dropout_forward(x, self.rate, self.rng)


def dropout_backward(backend: Backend, dout: Array, cache: DropoutCache | None) -> Array:
    """Backward of `Dropout.forward`."""
    return dout if cache is None else backend.dropout_backward(dout, cache)
