"""Training of an object head on photos with known objects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from showtell.captioning.object_head import ObjectHead
from showtell.nn.backend import default_backend
from showtell.nn.functional import sigmoid
from showtell.training.adam import Adam
from showtell.training.data import TrainingData
from showtell.training.schedule import warmup_cosine

_STEPS, _BATCH, _RATE, _DECAY = 400, 512, 3e-3, 1e-4
_RARE = -3.0


def object_head(data: TrainingData, rng: np.random.Generator) -> ObjectHead | None:
    """An object head trained on all photos with known objects, captioned or not; None if there are none."""
    splits = [data.train, *([data.uncaptioned] if data.uncaptioned else [])]
    names = sorted({name for split in splits for objects in split.objects for name in objects or ()})
    if not names:
        return None
    rows, shown = photos_with_objects(data, names)
    blocks = np.array_split(rows, -(-len(rows) // 256))
    pooled = np.concatenate([data.features[block].astype(np.float32).mean(axis=1) for block in blocks])
    return fit_object_head(pooled, shown, names, rng)


def photos_with_objects(data: TrainingData, names: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The feature rows of the training photos with known objects, (N,), and their objects, (N, C)."""
    splits = [data.train, *([data.uncaptioned] if data.uncaptioned else [])]
    pairs = [pair for split in splits for pair in zip(split.rows, split.objects, strict=True)]
    known = [(row, objects) for row, objects in pairs if objects is not None]
    return np.array([row for row, _ in known], np.intp), object_targets([objects for _, objects in known], names)


def object_targets(objects: Sequence[Sequence[str]], names: Sequence[str]) -> NDArray[np.bool_]:
    """Which of the named objects each photo shows, (N, C)."""
    number = {name: place for place, name in enumerate(names)}
    shown = np.zeros((len(objects), len(names)), bool)
    for row, own in zip(shown, objects, strict=True):
        row[[number[name] for name in own if name in number]] = True
    return shown


def fit_object_head(
    pooled: NDArray[np.float32], shown: NDArray[np.bool_], names: Sequence[str], rng: np.random.Generator
) -> ObjectHead:
    """Train a linear multi-label classifier with Adam on the binary cross-entropy.

    Args:
        pooled: photos' features, (N, F).
        shown: which objects each photo shows, (N, C).
        names: what they are called, C of them.
        rng: where the batches come from.
    """
    mean, scale = pooled.mean(axis=0), pooled.std(axis=0) + np.float32(1e-3)
    standardized, target = (pooled - mean) / scale, shown.astype(np.float32)
    backend = default_backend()
    params = {
        "W": np.zeros((pooled.shape[1], shown.shape[1]), np.float32),
        "b": np.full(shown.shape[1], _RARE, np.float32),
    }
    adam = Adam(params)
    for step in range(_STEPS):
        rows = rng.integers(len(pooled), size=min(_BATCH, len(pooled)))
        logits, cache = backend.affine_forward(standardized[rows], params["W"], params["b"])
        # d cross-entropy / d logits = probability - target, the mean over the photos
        dlogits = (sigmoid(logits) - target[rows]) / np.float32(len(rows))
        _, dW, db = backend.affine_backward(dlogits, cache)
        grads = {"W": dW + np.float32(_DECAY) * params["W"], "b": db}
        adam.update(params, grads, warmup_cosine(step, _STEPS, 0, _RATE))
    W = params["W"] / scale[:, None]
    return ObjectHead(tuple(names), W, params["b"] - mean @ W)
