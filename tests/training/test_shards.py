"""Batches in shards: the gradient of the whole, and the same bits wherever a shard is computed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

import small
from showtell.captioning.decoder import CaptionDecoder
from showtell.training.folder import BEST
from showtell.training.objectives import CrossEntropy, Outcome
from showtell.training.recipe import Recipe
from showtell.training.schedule import Schedule
from showtell.training.shards import Shard, Sharded, add, sum_of_shards

PLAIN = structs.replace(small.RECIPE, dropout=0.0, augmentations=1, precision="float32")


def gradients(recipe: Recipe, photos: np.ndarray, folder: Path, compute=sum_of_shards) -> Outcome:
    """Of one batch, at the weights that a run begins with."""
    data, decoder = small.data(), small.trainer(folder, recipe).decoder
    objective = CrossEntropy(data, recipe)
    sharded = Sharded(objective, recipe, compute) if recipe.shards > 1 else objective
    return sharded.gradients(decoder, photos, np.random.default_rng(5), Schedule(0, 1, 0, 0.0))


@pytest.mark.parametrize("photos", [1, 2, 5, 13, 48])
@pytest.mark.parametrize("shards", [2, 3, 8])
def test_the_shards_sum_is_the_gradient_of_the_whole(photos: int, shards: int, tmp_path: Path) -> None:
    chosen = np.arange(48)[:photos]
    whole = gradients(PLAIN, chosen, tmp_path)
    found = gradients(structs.replace(PLAIN, shards=shards), chosen, tmp_path)
    assert found.words == whole.words
    assert found.loss == pytest.approx(whole.loss, rel=1e-5)
    assert found.grads.keys() == whole.grads.keys()
    for name, array in found.grads.items():
        np.testing.assert_allclose(array, whole.grads[name], rtol=1e-3, atol=1e-6)


def test_shards_may_be_computed_in_any_order(tmp_path: Path) -> None:
    def backwards(decoder: CaptionDecoder, shards: Sequence[Shard], recipe: Recipe) -> Outcome:
        found = [sum_of_shards(decoder, [shard], recipe) for shard in reversed(shards)][::-1]
        while len(found) > 1:
            found = [add(found[place], found[place + 1]) for place in range(0, len(found), 2)]
        return found[0]

    recipe = structs.replace(small.RECIPE, shards=4)
    ours, theirs = (gradients(recipe, np.arange(11), tmp_path, way) for way in (sum_of_shards, backwards))
    for name, array in ours.grads.items():
        assert array.tobytes() == theirs.grads[name].tobytes()


def test_a_run_in_shards_is_of_its_own_recipe_and_learns(tmp_path: Path) -> None:
    recipe = structs.replace(small.RECIPE, shards=3, epochs=6, scst_epochs=0)
    progress = small.trainer(tmp_path / "three", recipe).run()
    assert progress.history[-1]["train_loss"] < progress.history[0]["train_loss"]
    small.trainer(tmp_path / "one", structs.replace(recipe, shards=1)).run()
    assert (tmp_path / "three" / BEST).read_bytes() != (tmp_path / "one" / BEST).read_bytes()
