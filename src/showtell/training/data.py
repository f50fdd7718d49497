"""Training and validation data: features and word ids."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from showtell.datasets.dataset import Dataset, Example
from showtell.errors import DatasetError
from showtell.features.cache import check_finite
from showtell.nn.types import Array, IntArray
from showtell.text.vocabulary import PAD, Vocabulary


@dataclass(frozen=True)
class Captions:
    """Captions of photos.

    Attributes:
        captions: word ids of all captions, padded, photo by photo, (N, T + 1).
        photo: which of the P photos each caption is of, ascending, (N,).
        references: the captions of each photo as they were written, P lists.
        objects: what each photo shows, by name; None where nobody said. P of them.
    """

    captions: IntArray
    photo: IntArray
    references: list[list[str]]
    objects: tuple[tuple[str, ...] | None, ...]

    @property
    def lengths(self) -> IntArray:
        """How many ids each caption has, start and end included, (N,)."""
        lengths: IntArray = (self.captions != PAD).sum(axis=1)
        return lengths

    @property
    def counts(self) -> IntArray:
        """How many captions each photo has, (P,)."""
        return np.bincount(self.photo, minlength=len(self.references))

    def captions_of(self, photos: IntArray) -> tuple[IntArray, IntArray]:
        """The rows in `captions` of some photos' captions, in the photos' order, and which of those each is of."""
        starts = np.searchsorted(self.photo, photos)
        counts = np.searchsorted(self.photo, photos, side="right") - starts
        of = np.repeat(np.arange(len(photos)), counts)
        first = np.cumsum(counts) - counts
        return (starts - first)[of] + np.arange(len(of)), of


@dataclass(frozen=True)
class Split(Captions):
    """Photos and their captions.

    Attributes:
        rows: the row of each photo in the features, (P,).
        sets: which data set each photo is of, (P,).
        photos: the photos' files, P of them.
    """

    rows: IntArray
    sets: IntArray
    photos: tuple[Path, ...]

    def of_set(self, number: int) -> IntArray:
        """The photos of one data set, ascending."""
        return np.flatnonzero(self.sets == number)


@dataclass(frozen=True)
class TrainingData:
    """The data of a run.

    Attributes:
        features: pooled features of all photos, (any rows, F), or their grids, (any rows, P, F).
        vocabulary: the words.
        train: the training photos.
        val: the validation photos.
        sets: the data sets' names.
        views: the features of augmented views of the training photos, and the row in them of the photo in each row of
            `features`, (any rows,).
        uncaptioned: photos without captions, whose objects are known.
        texts: text-only captions; None if there are none.
    """

    features: Array
    vocabulary: Vocabulary
    train: Split
    val: Split
    sets: tuple[str, ...]
    views: tuple[tuple[Array, IntArray], ...] = ()
    uncaptioned: Split | None = None
    texts: Captions | None = None

    def batch(self, rows: IntArray, rng: np.random.Generator | None = None, views: int = 1) -> NDArray[np.float32]:
        """The features of some rows in float32, (N, ...); with `rng` of one of the photo's first `views` views.

        Raises:
            DatasetError: those of a photo are damaged; it is named.
        """
        features = self.features[rows].astype(np.float32)
        if rng is not None and views > 1:
            chosen = rng.integers(views, size=len(rows))
            for number, (other, row_of) in enumerate(self.views[: views - 1], start=1):
                shown = rows[chosen == number]
                seen = other[row_of[shown]]
                check_finite(seen, [self._photos[row] for row in shown.tolist()], other)
                features[chosen == number] = seen
        return features

    @functools.cached_property
    def _photos(self) -> dict[int, Path]:
        """The photo of each row."""
        return dict(zip(self.train.rows.tolist(), self.train.photos, strict=True))

    def repeatable_words(self) -> list[str]:
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
    datasets: Sequence[Dataset],
    features: Array,
    rows: Mapping[Path, int],
    min_count: int,
    max_words: int,
    views: Sequence[tuple[Array, Mapping[Path, int]]] = (),
    vocabulary: Vocabulary | None = None,
) -> TrainingData:
    """Make training data from data sets and the features of their photos.

    Args:
        datasets: photos and captions.
        features: features of photos, (any, F) or (any, P, F), such as a feature store's.
        rows: the row of each photo; photos without one are left out.
        min_count: a word is known if the training photos' captions hold it this often, or these and the captions
            without photos together four times as often.
        max_words: longer captions are cut here, for training only.
        views: the features of other views of the training photos, and the row of each photo in them.
        vocabulary: the words, if they are known already.

    Raises:
        DatasetError: there is no photo to train on, or a data set has none to validate on.
    """

    def split(examples: Sequence[tuple[Example, int]]) -> Split:
        captions, photo = _encoded([example.captions for example, _ in examples], words, max_words)
        return Split(
            rows=np.array([rows[example.photo] for example, _ in examples], np.intp),
            captions=captions,
            photo=photo,
            references=[list(example.captions) for example, _ in examples],
            sets=np.array([number for _, number in examples], np.intp),
            photos=tuple(example.photo for example, _ in examples),
            objects=tuple(example.objects for example, _ in examples),
        )

    known = {
        name: [(e, number) for number, dataset in enumerate(datasets) for e in dataset.split(name) if e.photo in rows]
        for name in ("train", "val")
    }
    for name, examples in known.items():
        for number, dataset in enumerate(datasets):
            if not any(of == number for _, of in examples):
                raise DatasetError(
                    f"{dataset.name} has no photos with captions in its split {name!r}; training needs some"
                )
    texts = [text for dataset in datasets for text in dataset.texts]
    words = vocabulary or Vocabulary.build(
        (caption for example, _ in known["train"] for caption in example.captions),
        min_count,
        (caption for text in texts for caption in text.captions),
    )
    others = []
    for other, row_of in views:
        row = np.zeros(len(features), np.intp)
        for example, _ in known["train"]:
            row[rows[example.photo]] = row_of[example.photo]
        others.append((other, row))
    uncaptioned = [(e, number) for number, d in enumerate(datasets) for e in d.uncaptioned if e.photo in rows]
    return TrainingData(
        features,
        words,
        split(known["train"]),
        split(known["val"]),
        tuple(dataset.name for dataset in datasets),
        tuple(others),
        split(uncaptioned) if uncaptioned else None,
        Captions(
            *_encoded([text.captions for text in texts], words, max_words),
            references=[list(text.captions) for text in texts],
            objects=tuple(text.objects for text in texts),
        )
        if texts
        else None,
    )


def _encoded(captions: Sequence[Sequence[str]], vocabulary: Vocabulary, max_words: int) -> tuple[IntArray, IntArray]:
    """Word ids of all captions, photo by photo, and which photo each is of; the end is one step more than the words."""
    every = [caption for of_photo in captions for caption in of_photo]
    photo = np.repeat(np.arange(len(captions)), [len(of_photo) for of_photo in captions])
    return vocabulary.encode_batch(every, max_words + 1), photo


def fingerprint(data: TrainingData) -> str:
    """A name for exactly this training data: the same photos' features, captions and splits give the same.

    Raises:
        DatasetError: a photo's features are damaged; it is named.
    """
    digest = hashlib.sha256(json.dumps([data.vocabulary.to_list(), data.sets]).encode())
    if data.texts:
        digest.update(json.dumps([data.texts.references, data.texts.objects]).encode())
    for split in filter(None, (data.train, data.val, data.uncaptioned)):
        digest.update(json.dumps([split.references, split.objects, split.sets.tolist()]).encode())
        for place in range(0, len(split.rows), 1024):
            part = np.ascontiguousarray(data.features[split.rows[place : place + 1024]])
            check_finite(part, split.photos[place : place + 1024], data.features)
            digest.update(part.tobytes())
    return digest.hexdigest()
