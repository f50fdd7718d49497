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
    """What a run learns from.

    Attributes:
        features: pooled features of all photos, (any rows, F), or their grids, (any rows, P, F).
        vocabulary: the words.
        train: the photos to learn from.
        val: those to choose by.
        views: the features of other views of the training photos, and the row in them of the photo in each row of
            `features`, (any rows,).
    """

    features: Array
    vocabulary: Vocabulary
    train: Split
    val: Split
    views: tuple[tuple[Array, IntArray], ...] = ()

    def batch(self, rows: IntArray, rng: np.random.Generator | None = None, views: int = 1) -> NDArray[np.float32]:
        """The features of some rows in float32, (N, ...); with `rng` of one of the photo's first `views` views."""
        features = self.features[rows].astype(np.float32)
        if rng is not None and views > 1:
            chosen = rng.integers(views, size=len(rows))
            for number, (other, row_of) in enumerate(self.views[: views - 1], start=1):
                features[chosen == number] = other[row_of[rows[chosen == number]]]
        return features

    def may_recur(self) -> list[str]:
        """The words that occur again in more than one of twenty of the training captions that hold them.

        Such as "a", "dog" and "jersey": people see a black dog and a white dog, and hardly ever a bike on a bike.
        """
        size = len(self.vocabulary)
        of_caption = np.arange(len(self.train.captions))[:, None] * size + self.train.captions
        found, times = np.unique(of_caption, return_counts=True)
        holds = np.bincount(found % size, minlength=size)
        again = np.bincount(found[times > 1] % size, minlength=size)
        often = {word for word, recurs in zip(self.vocabulary.to_list(), again > 0.05 * holds, strict=True) if recurs}
        return [word for word in self.vocabulary.words if word in often]

    def statistics(self) -> dict[str, NDArray[np.float32]]:
        """What a decoder needs to know of the training photos' features, (F,) each.

        Of pooled features, `feature_mean` and `feature_scale`; of grids those of their means, and of all positions
        `grid_mean` and `grid_scale`. A scale is a standard deviation, never 0.
        """
        pooled, grid = _Moments(), _Moments()
        for part in np.array_split(self.train.rows, -(-len(self.train.rows) // 256)):
            block = self.features[part].astype(np.float32)
            if block.ndim == 3:
                grid.add(block.reshape(-1, block.shape[2]))
                block = block.mean(axis=1)
            pooled.add(block)
        found = {"feature_mean": pooled.mean(), "feature_scale": pooled.scale()}
        return found | ({"grid_mean": grid.mean(), "grid_scale": grid.scale()} if grid.count else {})


class _Moments:
    """Sums over rows, in float64."""

    def __init__(self) -> None:
        self.count, self.sum, self.squares = 0, np.zeros(()), np.zeros(())

    def add(self, rows: Array) -> None:
        self.count += len(rows)
        self.sum = self.sum + rows.sum(axis=0, dtype=np.float64)
        self.squares = self.squares + np.einsum("ij,ij->j", rows, rows, dtype=np.float64)

    def mean(self) -> NDArray[np.float32]:
        return (self.sum / self.count).astype(np.float32)

    def scale(self) -> NDArray[np.float32]:
        mean = self.sum / self.count
        deviation = np.sqrt(np.maximum(self.squares / self.count - mean * mean, 0))
        return (deviation + 1e-3).astype(np.float32)


def prepare(
    dataset: Dataset,
    features: Array,
    rows: Mapping[Path, int],
    min_count: int,
    max_words: int,
    views: Sequence[tuple[Array, Mapping[Path, int]]] = (),
) -> TrainingData:
    """Turn a data set whose photos' features are known into training data.

    Args:
        dataset: photos and captions.
        features: features of photos, (any, F) or (any, P, F), such as a feature store's.
        rows: the row of each photo; photos without one are left out.
        min_count: a word is known if the training captions hold it this often.
        max_words: longer captions are cut here, for training only.
        views: the features of other views of the training photos, and the row of each photo in them.

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

    others = []
    for other, row_of in views:
        row = np.zeros(len(features), np.intp)
        for example in known["train"]:
            row[rows[example.photo]] = row_of[example.photo]
        others.append((other, row))
    return TrainingData(features, vocabulary, split(known["train"]), split(known["val"]), tuple(others))


def fingerprint(data: TrainingData) -> str:
    """A name for exactly this training data: the same photos' features, captions and splits give the same."""
    digest = hashlib.sha256(json.dumps(data.vocabulary.to_list()).encode())
    for split in (data.train, data.val):
        digest.update(json.dumps(split.references).encode())
        for part in np.array_split(split.rows, -(-len(split.rows) // 1024)):
            digest.update(np.ascontiguousarray(data.features[part]).tobytes())
    return digest.hexdigest()
