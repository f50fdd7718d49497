"""A batch in shards, whose gradients are summed in one order, wherever each is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from showtell.captioning.decoder import CaptionDecoder
from showtell.nn.types import Array, IntArray
from showtell.training.objectives import CaptionBatch, CrossEntropy, Outcome, cross_entropy
from showtell.training.recipe import Recipe
from showtell.training.schedule import Schedule


@dataclass(frozen=True)
class Shard:
    """A part of a batch.

    Attributes:
        batch: its captions.
        share: of the whole batch's captions.
        rng: where dropout's randomness comes from.
    """

    batch: CaptionBatch
    share: float
    rng: np.random.Generator


Compute: TypeAlias = Callable[[CaptionDecoder, Sequence[Shard], Recipe], Outcome]
"""Computes what `sum_of_shards` does, bit for bit."""


def sum_of_shards(decoder: CaptionDecoder, shards: Sequence[Shard], recipe: Recipe) -> Outcome:
    """The sums over shards, one after the other: those of the first half and those of the second are added.

    A shard's mean is weighed by its share, so that the sum is the mean over all captions of the batch.
    """
    if len(shards) == 1:
        (shard,) = shards
        batch = replace(shard.batch, weight=shard.batch.weight * np.float32(shard.share))
        found = cross_entropy(decoder, batch, recipe, shard.rng)
        return replace(found, loss=found.loss / shard.share)
    first, second = halves(shards)
    return add(sum_of_shards(decoder, first, recipe), sum_of_shards(decoder, second, recipe))


def halves(shards: Sequence[Shard]) -> tuple[Sequence[Shard], Sequence[Shard]]:
    """The two halves that are summed apart; of an odd number, the second is the larger."""
    middle = len(shards) // 2
    return shards[:middle], shards[middle:]


def add(first: Outcome, second: Outcome) -> Outcome:
    """The sums of two outcomes, in the memory of the first where that may be written to."""
    grads: dict[str, Array] = {
        name: np.add(array, second.grads[name], out=array if array.flags.writeable else None)
        for name, array in first.grads.items()
    }
    return Outcome(grads, first.words + second.words, first.loss + second.loss)


class Sharded:
    """Cross-entropy by shards: the same photos, batches and weights, with other random numbers.

    Each photo of a batch, its captions with it, is in one of `recipe.shards` shards of nearly equal size. A shard's
    random numbers follow from the update's and the shard's number. So what comes of a batch does not depend on who
    computes which shard, and when.

    Args:
        objective: draws the batches.
        recipe: the settings.
        compute: gives the sums over a batch's shards.
    """

    def __init__(self, objective: CrossEntropy, recipe: Recipe, compute: Compute) -> None:
        self._objective, self._recipe, self._compute = objective, recipe, compute

    def batches(self, epoch: int, rng: np.random.Generator) -> list[IntArray]:
        """Those of the objective."""
        return self._objective.batches(epoch, rng)

    def gradients(
        self, decoder: CaptionDecoder, photos: IntArray, rng: np.random.Generator, schedule: Schedule
    ) -> Outcome:
        """Of the mean cross-entropy of all captions of the batch."""
        split = [own for own in np.array_split(photos, self._recipe.shards) if own.size]
        drawn = [
            (self._objective.draw(own, of_own), of_own)
            for own, of_own in zip(split, rng.spawn(len(split)), strict=True)
        ]
        captions = sum(len(batch.captions) for batch, _ in drawn)
        shards = [Shard(batch, len(batch.captions) / captions, of_own) for batch, of_own in drawn]
        return self._compute(decoder, shards, self._recipe)

    def validation_features(self, photos: IntArray) -> Array:
        """Those of the objective."""
        return self._objective.validation_features(photos)

    def state(self) -> dict[str, dict[str, Array]]:
        """That of the objective."""
        return self._objective.state()
