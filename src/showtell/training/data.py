"""What a run trains on and is judged by: features and word ids, ready for the loop."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from showtell.datasets.dataset import Dataset, Example
from showtell.errors import DatasetError
from showtell.text.vocabulary import PAD, Vocabulary

Array: TypeAlias = NDArray[np.floating[Any]]
IntArray: TypeAlias = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Split:
    """Photos and their captions.

    Attributes:
        rows: the row of each photo in the features, (P,).
        captions: word ids of all captions, padded, (M, T + 1).
        photo_rows: the row in the features of each caption's photo, (M,): captions share their photo's features.
        references: the captions of each photo as they were written, P lists.
    """

    rows: IntArray
    captions: IntArray
    photo_rows: IntArray
    references: list[list[str]]

    @property
    def lengths(self) -> IntArray:
        """How many ids each caption has, start and end included, (M,)."""
        lengths: IntArray = (self.captions != PAD).sum(axis=1)
        return lengths


@dataclass(frozen=True)
class TrainingData:
    """Features of all photos (any rows, F), the vocabulary, and the two splits."""

    features: Array
    vocabulary: Vocabulary
    train: Split
    val: Split

    def batch(self, rows: IntArray) -> NDArray[np.float32]:
        """The features of some rows in float32, (N, F)."""
        return self.features[rows].astype(np.float32)

    def statistics(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and scale (F,) of the training photos' features; a scale is the standard deviation, never 0."""
        total, squares = np.zeros(self.features.shape[1]), np.zeros(self.features.shape[1])
        for part in np.array_split(self.train.rows, -(-len(self.train.rows) // 1024)):
            block = self.features[part].astype(np.float64)
            total += block.sum(axis=0)
            squares += (block * block).sum(axis=0)
        mean = total / len(self.train.rows)
        deviation = np.sqrt(np.maximum(squares / len(self.train.rows) - mean * mean, 0))
        return mean.astype(np.float32), (deviation + 1e-3).astype(np.float32)


def prepare(
    dataset: Dataset, features: Array, rows: Mapping[Path, int], min_count: int, max_words: int
) -> TrainingData:
    """Turn a data set whose photos' features are known into training data.

    Args:
        dataset: photos and captions.
        features: features of photos, (any, F), such as a feature store's.
        rows: the row of each photo; photos without one are left out.
        min_count: a word is known if the training captions hold it this often.
        max_words: longer captions are cut here, for training only.

    Raises:
        DatasetError: there is no photo to train on, or none to validate on.
    """
    known = {name: [example for example in dataset.split(name) if example.photo in rows] for name in ("train", "val")}
    for name, examples in known.items():
        if not examples:
            raise DatasetError(f"{dataset.name} has no photos with captions in its split {name!r}; training needs some")
    vocabulary = Vocabulary.build((caption for example in known["train"] for caption in example.captions), min_count)

    def split(examples: Sequence[Example]) -> Split:
        captions = [caption for example in examples for caption in example.captions]
        photo_rows = [rows[example.photo] for example in examples for _ in example.captions]
        return Split(
            rows=np.array([rows[example.photo] for example in examples]),
            captions=vocabulary.encode_batch(captions, max_words + 1),  # the end is one step more
            photo_rows=np.array(photo_rows),
            references=[list(example.captions) for example in examples],
        )

    return TrainingData(features, vocabulary, split(known["train"]), split(known["val"]))


def fingerprint(data: TrainingData) -> str:
    """A name for exactly this training data: the same photos' features, captions and splits give the same."""
    digest = hashlib.sha256(json.dumps(data.vocabulary.to_list()).encode())
    for split in (data.train, data.val):
        digest.update(json.dumps(split.references).encode())
        for part in np.array_split(split.rows, -(-len(split.rows) // 1024)):
            digest.update(np.ascontiguousarray(data.features[part]).tobytes())
    return digest.hexdigest()
