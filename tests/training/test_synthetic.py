from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from showtell.datasets import Dataset, Example
from showtell.datasets.dataset import TextOnly
from showtell.errors import ShowtellError
from showtell.training.data import TrainingData, prepare
from showtell.training.synthetic import SyntheticGrids

OBJECTS = ("cat", "dog", "pizza")
P, F = 9, 12
RNG = np.random.default_rng(0)
# What a cell of each object and of the background looks like
LOOKS = RNG.standard_normal((4, F)).astype(np.float32) * 2


def photo_grid(objects: tuple[str, ...]) -> np.ndarray:
    """A grid with two cells of each object, in the object's own place."""
    grid = np.tile(LOOKS[3], (P, 1)) + 0.1 * RNG.standard_normal((P, F))
    for name in objects:
        number = OBJECTS.index(name)
        grid[2 * number : 2 * number + 2] += LOOKS[number]
    return grid.astype(np.float16)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    kinds = [(), ("cat",), ("dog",), ("pizza",), ("cat", "dog"), ("dog", "pizza")]
    shown = [kinds[number % len(kinds)] for number in range(240)]
    examples = tuple(
        Example(Path(f"{number}.jpg"), (f"a {' and a '.join(objects) or 'room'}",), "train", objects)
        for number, objects in enumerate(shown)
    )
    texts = (
        TextOnly(("a cat and a pizza", "a cat with a pizza"), ("cat", "pizza")),
        TextOnly(("a dog",), ("dog",)),
        TextOnly(("a room",), ()),
    )
    grids = np.stack([photo_grid(objects) for objects in shown])
    rows = {Path(f"{number}.jpg"): number for number in range(240)}
    val = Example(Path("0.jpg"), ("a room",), "val", ())
    return prepare([Dataset("rooms", (*examples, val), (), texts=texts)], grids, rows, min_count=1, max_words=9)


def cells_of(grid: np.ndarray, name: str) -> float:
    """How much of an object is in the grid, 1 for two cells of it."""
    number = OBJECTS.index(name)
    direction = LOOKS[number] / np.square(LOOKS[number]).sum()
    return float(((grid - LOOKS[3]) @ direction)[2 * number : 2 * number + 2].mean())


def test_a_grid_shows_the_objects_of_its_text_and_no_others(data: TrainingData) -> None:
    synthetic = SyntheticGrids(data, np.random.default_rng(1))
    drawn = np.mean([synthetic.draw(np.arange(3), np.random.default_rng(seed)) for seed in range(20)], axis=0)
    assert drawn.shape == (3, P, F)
    for grid, wanted in zip(drawn, [("cat", "pizza"), ("dog",), ()], strict=True):
        for name in OBJECTS:
            found = cells_of(grid, name)
            assert found > 0.6 if name in wanted else found < 0.4, (wanted, name, found)


def test_grids_are_drawn_anew_and_by_the_seed(data: TrainingData) -> None:
    synthetic = SyntheticGrids(data, np.random.default_rng(1))
    one, two, three = (synthetic.draw(np.array([0]), np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, three)


def test_without_texts_or_objects_it_says_so(data: TrainingData) -> None:
    with pytest.raises(ShowtellError, match="no text-only captions"):
        SyntheticGrids(replace(data, texts=None), np.random.default_rng(0))
    nobody_said = replace(data.train, objects=(None,) * len(data.train.rows))
    with pytest.raises(ShowtellError, match="no training photo has known objects"):
        SyntheticGrids(replace(data, train=nobody_said), np.random.default_rng(0))
