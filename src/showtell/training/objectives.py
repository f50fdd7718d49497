"""Training objectives: the gradients for a batch of photos."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from showtell.captioning.decoder import CaptionDecoder
from showtell.nn.types import Array, IntArray
from showtell.text.vocabulary import PAD
from showtell.training.batches import epoch_photos, photo_batches, trim
from showtell.training.data import Split, TrainingData
from showtell.training.recipe import Recipe
from showtell.training.schedule import Schedule
from showtell.training.scst import (
    ObjectReward,
    Reward,
    advantages,
    mask_suppressed_tokens,
    pad_captions,
    sample_captions,
)
from showtell.training.synthetic import SyntheticGrids
from showtell.vision.views import UNCROPPED

# The random stream of the object head, besides those of the loop
_HEAD = 3


@dataclass(frozen=True)
class Outcome:
    """The gradients of a batch, and sums for the metrics of the epoch.

    Attributes:
        grads: of the decoder's parameters, by name.
        words: how many were predicted.
        loss: summed over them.
        reward: summed over the captions that were sampled.
        sampled: those captions.
    """

    grads: dict[str, Array]
    words: int
    loss: float = 0.0
    reward: float = 0.0
    sampled: int = 0


@dataclass(frozen=True)
class CaptionBatch:
    """N captions of M photos.

    Attributes:
        features: the photos', float32 (M, ...).
        captions: word ids, padded, (N, T + 1).
        photo: which photo each caption is of, (N,).
        weight: of each caption's loss, (N,).
    """

    features: Array
    captions: IntArray
    photo: IntArray
    weight: Array


class Objective(Protocol):
    """An objective over batches of photos."""

    def batches(self, epoch: int, rng: np.random.Generator) -> list[IntArray]:
        """The photos of an epoch of the stage, in batches; what the numbers mean is the objective's own."""

    def gradients(
        self, decoder: CaptionDecoder, photos: IntArray, rng: np.random.Generator, schedule: Schedule
    ) -> Outcome:
        """The gradients of a batch; what learns beside the decoder takes its step by the schedule."""

    def validation_features(self, photos: IntArray) -> Array:
        """The features of some validation photos, 0 to P - 1, float32 (N, ...)."""

    def state(self) -> dict[str, dict[str, Array]]:
        """What a checkpoint must hold of what learns beside the decoder, as groups of named arrays."""


class _DecoderAlone:
    """An objective that trains the decoder only."""

    def __init__(self, data: TrainingData, recipe: Recipe) -> None:
        self._data, self._recipe = data, recipe

    def validation_features(self, photos: IntArray) -> Array:
        """Those that are stored."""
        return self._data.batch(self._data.val.rows[photos])

    def state(self) -> dict[str, dict[str, Array]]:
        """Nothing."""
        return {}


class CrossEntropy(_DecoderAlone):
    """The cross-entropy of captions given their photos' features.

    Photos 0 to P - 1 are the training photos; higher numbers are text-only captions with synthetic grids.

    Args:
        data: the training data.
        recipe: the settings.
        text_epochs: the first epochs that include text-only captions.
    """

    def __init__(self, data: TrainingData, recipe: Recipe, text_epochs: int = 0) -> None:
        super().__init__(data, recipe)
        self._text_epochs = text_epochs
        self._weights = caption_weights(data.train)

    @functools.cached_property
    def _synthetic(self) -> SyntheticGrids:
        return SyntheticGrids(self._data, np.random.default_rng([self._recipe.seed, _HEAD]))

    def batches(self, epoch: int, rng: np.random.Generator) -> list[IntArray]:
        """Photos with about `batch_size` captions each."""
        train, texts = self._data.train, self._data.texts
        photos = epoch_photos(train.sets, rng)
        counts = train.counts
        if texts is not None and epoch < self._text_epochs:
            others = texts.counts
            photos = rng.permutation(np.concatenate([photos, len(counts) + np.arange(len(others))]))
            counts = np.concatenate([counts, others])
        return photo_batches(photos, counts[photos], self._recipe.batch_size)

    def draw(self, photos: IntArray, rng: np.random.Generator) -> CaptionBatch:
        """The captions of some photos, with the features of a view of each."""
        recipe, train, texts = self._recipe, self._data.train, self._data.texts
        there = len(train.rows)
        real, made_up = photos[photos < there], photos[photos >= there] - there
        rows, photo = train.captions_of(real)
        features = self._data.batch(train.rows[real], rng, recipe.augmentations)
        captions, weight = train.captions[rows], self._weights[rows]
        if made_up.size and texts is not None:
            others, of_other = texts.captions_of(made_up)
            features = np.concatenate([features, self._synthetic.draw(made_up, rng)])
            captions = np.concatenate([captions, texts.captions[others]])
            photo = np.concatenate([photo, len(real) + of_other])
            weight = np.concatenate([weight, np.ones(len(others), weight.dtype)])
        return CaptionBatch(features, trim(captions), photo, weight)

    def gradients(
        self, decoder: CaptionDecoder, photos: IntArray, rng: np.random.Generator, schedule: Schedule
    ) -> Outcome:
        """Of the cross-entropy of the captions of some photos."""
        return cross_entropy(decoder, self.draw(photos, rng), self._recipe, rng)


def cross_entropy(decoder: CaptionDecoder, batch: CaptionBatch, recipe: Recipe, rng: np.random.Generator) -> Outcome:
    """The gradients of the mean cross-entropy of a batch's captions; dropout's randomness comes from `rng`."""
    loss, grads = decoder.loss(
        batch.features,
        batch.captions,
        batch.photo,
        dropout=recipe.dropout,
        label_smoothing=recipe.label_smoothing,
        weight=batch.weight,
        rng=rng,
    )
    return Outcome(grads, words_in(batch.captions), loss=loss * len(batch.captions))


class SelfCritical(_DecoderAlone):
    """The negative expected reward of sampled captions for the training photos, without dropout."""

    def __init__(self, data: TrainingData, recipe: Recipe) -> None:
        super().__init__(data, recipe)
        self._rewards = [self._reward_of(number) for number in range(len(data.sets))]
        # a photo's place among those of its set
        self._place = np.empty(len(data.train.rows), np.intp)
        for number in range(len(data.sets)):
            own = data.train.of_set(number)
            self._place[own] = np.arange(len(own))
        self._objects = ObjectReward(data.train, recipe.object_bonus, recipe.object_penalty)

    def _reward_of(self, number: int) -> Reward:
        """The reward for the photos of one data set, with idf from its own captions.

        If its objects are known, the text-only captions, which are of the same kind, count for the idf too.
        """
        train, texts = self._data.train, self._data.texts
        own = train.of_set(number)
        listed = any(train.objects[photo] is not None for photo in own)
        others = texts.references if texts is not None and listed else []
        return Reward([train.references[photo] for photo in own], self._data.vocabulary, others)

    def batches(self, epoch: int, rng: np.random.Generator) -> list[IntArray]:
        """Photos with about `batch_size` captions each."""
        train = self._data.train
        photos = epoch_photos(train.sets, rng)
        return photo_batches(photos, train.counts[photos], self._recipe.batch_size)

    def gradients(
        self, decoder: CaptionDecoder, photos: IntArray, rng: np.random.Generator, schedule: Schedule
    ) -> Outcome:
        """Of captions that are sampled."""
        recipe = self._recipe
        # uncropped: the reward must not depend on what a crop hides
        features = self._data.batch(self._data.train.rows[photos], rng, min(recipe.augmentations, UNCROPPED))
        hypotheses = sample_captions(decoder, features, recipe.scst_samples, recipe.max_words, rng)
        of_photo = np.repeat(np.arange(len(photos)), recipe.scst_samples)
        sampled, rewards = photos[of_photo], np.empty(len(hypotheses))
        for number, reward in enumerate(self._rewards):
            own = np.flatnonzero(self._data.train.sets[sampled] == number)
            if own.size:
                rewards[own] = reward.score([hypotheses[place] for place in own], self._place[sampled[own]])
        scores = float(rewards.sum())
        said = [self._data.vocabulary.decode(hypothesis.words) for hypothesis in hypotheses]
        rewards += self._objects.of(said, sampled)
        captions = pad_captions(hypotheses)
        weight = advantages(rewards, recipe.scst_samples).astype(features.dtype)
        _, grads = mask_suppressed_tokens(decoder).loss(features, captions, of_photo, weight=weight)
        return Outcome(grads, words_in(captions), reward=scores, sampled=len(rewards))


def caption_weights(split: Split) -> NDArray[np.float32]:
    """The weight of each caption's loss, (N,), so that photos with few captions count too.

    A photo's captions together weigh the square root of their number; the mean weight is 1.
    """
    counts = split.counts[split.photo]
    weights: NDArray[np.float32] = (counts**-0.5).astype(np.float32)
    weights /= weights.mean()
    return weights


def words_in(captions: IntArray) -> int:
    """How many words captions (N, T + 1) ask for, their ends included."""
    return int((captions[:, 1:] != PAD).sum())
