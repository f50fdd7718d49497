"""What a run needs to tune its encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from showtell.training.data import TrainingData
from showtell.vision.encoder import Encoder


@dataclass(frozen=True)
class Tunable:
    """The encoder that a run begins with, and what its successor is used for.

    Attributes:
        model: the encoder's file.
        identity: the encoder's.
        classifier: weights (F, K) and bias (K,) of the classes that it was taught.
        encode: the training data with the features of another encoder.
    """

    model: bytes
    identity: str
    classifier: tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]
    encode: Callable[[Encoder], TrainingData]
