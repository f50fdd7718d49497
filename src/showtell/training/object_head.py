"""Which objects a photo shows, from its features: a logistic regression for each object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from showtell.functional import sigmoid
from showtell.layers import best_layers
from showtell.training.adam import Adam
from showtell.training.schedule import warmup_cosine

Array: TypeAlias = NDArray[np.floating[Any]]

_STEPS, _BATCH, _RATE, _DECAY = 400, 512, 3e-3, 1e-4
_RARE = -3.0


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

    def probabilities(self, features: Array) -> Array:
        """How likely each object is there, (N, C), given pooled features (N, F) or grids (N, P, F)."""
        pooled = features.astype(np.float32)
        logits, _ = best_layers().affine_forward(pooled.mean(axis=1) if pooled.ndim == 3 else pooled, self.W, self.b)
        likely: Array = sigmoid(logits)
        return likely

    def activation(self, grid: Array, objects: NDArray[np.intp]) -> Array:
        """How much each position speaks for some objects, (P, objects): class activation maps.

        Zhou et al. 2016, "Learning Deep Features for Discriminative Localization" (arXiv:1512.04150).
        """
        maps: Array = grid @ self.W[:, objects]
        return maps


def fit_object_head(
    pooled: NDArray[np.float32], shown: NDArray[np.bool_], names: Sequence[str], rng: np.random.Generator
) -> ObjectHead:
    """Learn to tell objects apart, by Adam on the binary cross-entropy.

    Args:
        pooled: photos' features, (N, F).
        shown: which objects each photo shows, (N, C).
        names: what they are called, C of them.
        rng: where the batches come from.
    """
    mean, scale = pooled.mean(axis=0), pooled.std(axis=0) + np.float32(1e-3)
    standardized, target = (pooled - mean) / scale, shown.astype(np.float32)
    layers = best_layers()
    params = {
        "W": np.zeros((pooled.shape[1], shown.shape[1]), np.float32),
        "b": np.full(shown.shape[1], _RARE, np.float32),
    }
    adam = Adam(params)
    for step in range(_STEPS):
        rows = rng.integers(len(pooled), size=min(_BATCH, len(pooled)))
        logits, cache = layers.affine_forward(standardized[rows], params["W"], params["b"])
        # d cross-entropy / d logits = probability - target, the mean over the photos
        dlogits = (sigmoid(logits) - target[rows]) / np.float32(len(rows))
        _, dW, db = layers.affine_backward(dlogits, cache)
        grads = {"W": dW + np.float32(_DECAY) * params["W"], "b": db}
        adam.update(params, grads, warmup_cosine(step, _STEPS, 0, _RATE))
    W = params["W"] / scale[:, None]
    return ObjectHead(tuple(names), W, params["b"] - mean @ W)
