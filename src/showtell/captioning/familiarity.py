"""How much a photo is like those that a captioner learnt from.

A captioner has a sentence for everything that it is given, noise and a page of text too. Its confidence is low then,
but so it is for many a photo. The features tell them apart: of photos they point where the mean of the training photos'
does, more or less; of noise, text and empty areas they do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from showtell.captioning.class_fallback import CONFIDENCE_THRESHOLD
from showtell.errors import NoCaptionError
from showtell.vision.photo import name_of

if TYPE_CHECKING:
    from showtell.captioning.caption import Caption
    from showtell.nn.types import Array
    from showtell.vision.photo import PhotoSource

FAMILIARITY_THRESHOLD = 0.62
"""The familiarity below which an unsure captioner has nothing to say."""


def familiarity(features: Array, mean: Array, scale: Array) -> Array:
    """The cosine of photos' features and the training photos' mean, over what it is for the training photos, (N,).

    About 1 for photos like those, and 0 where the features have nothing in common with theirs.

    Args:
        features: of N photos, (N, P, F) or (N, F).
        mean: of the training photos' pooled features, (F,).
        scale: their standard deviation, (F,).
    """
    pooled = features.astype(np.float64)
    pooled = pooled.mean(axis=1) if pooled.ndim == 3 else pooled
    # the cosine of the mean and vectors of the training photos' mean square length
    usual = mean @ mean / np.sqrt(mean @ mean + scale @ scale)
    lengths = np.linalg.norm(pooled, axis=1)
    found: Array = np.divide(pooled @ mean, usual * lengths, out=np.ones(len(pooled)), where=usual * lengths > 0)
    return found


def mark_unfamiliar(captions: Sequence[Caption], features: Array, statistics: Mapping[str, Array]) -> list[Caption]:
    """The captions; an unsure sentence about an unfamiliar photo is marked as such.

    Args:
        captions: of N photos, each with its confidence.
        features: of the same photos, (N, P, F) or (N, F).
        statistics: of the training photos by the captioner's encoder, `feature_mean` and `feature_scale` (F,).
    """
    mean, scale = (statistics[name].astype(np.float64) for name in ("feature_mean", "feature_scale"))
    return [
        replace(caption, familiar=False)
        if not caption.named
        and caption.confidence is not None
        and caption.confidence < CONFIDENCE_THRESHOLD
        and known < FAMILIARITY_THRESHOLD
        else caption
        for caption, known in zip(captions, familiarity(features, mean, scale), strict=True)
    ]


def unfamiliar(photo: PhotoSource) -> NoCaptionError:
    """The error for a photo whose caption is not `familiar`."""
    return NoCaptionError(
        f"{name_of(photo)}: is like no photo that the captioner learnt from, such as noise or a page of text; "
        "a sentence about it would be invented"
    )
