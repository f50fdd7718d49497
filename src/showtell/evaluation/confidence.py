"""Fitting a captioner's confidence on photos with reference captions."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from showtell.captioning.caption import Caption
from showtell.captioning.captioner import Captioner
from showtell.captioning.confidence import Confidence
from showtell.metrics import score
from showtell.nn.types import Array

_BATCH = 64


def fit_confidence(captioner: Captioner, features: Array, references: Sequence[Sequence[str]]) -> Confidence:
    """Fit a confidence on the captions that a captioner generates; the captioner is not changed.

    Use several hundred photos that the captioner was not trained on.

    Args:
        captioner: the captioner; assign the result to it: `captioner.confidence = fit_confidence(captioner, ...)`.
        features: of N photos as `Captioner.encode` gives them, (N, 81, 1280) or (N, 1280), float16 or float32.
        references: human captions of each photo, N lists.

    Raises:
        ShowtellError: there is no photo, not a list of references for each, or one without references.
    """
    sentences_only = copy.copy(captioner)
    sentences_only.confidence = None  # without it no photo gets a name
    captions = [
        caption
        for start in range(0, len(features), _BATCH)
        for caption in sentences_only.caption_features(features[start : start + _BATCH].astype(np.float32))
    ]
    return Confidence.fit(*calibration_data(captions, references))


def calibration_data(captions: Sequence[Caption], references: Sequence[Sequence[str]]) -> tuple[Array, Array]:
    """What a confidence is fitted to: the captions' confidence features, (N, F), and their CIDEr-D, (N,).

    Raises:
        ShowtellError: as `showtell.metrics.score`.
    """
    cider_d = score([caption.text for caption in captions], references).cider_d_per_photo
    return np.array([caption.confidence_features for caption in captions]), cider_d
