"""The encoder to fine-tune in a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from showtell.captioning.classes import Classes
from showtell.training.data import TrainingData
from showtell.vision.encoder import Encoder


@dataclass(frozen=True)
class Tunable:
    """The encoder that a run begins with, and how to encode with its successor.

    Attributes:
        model: the encoder's file.
        identity: the encoder's.
        classes: those that it was taught.
        encode: the training data with the features of another encoder.
    """

    model: bytes
    identity: str
    classes: Classes
    encode: Callable[[Encoder], TrainingData]
