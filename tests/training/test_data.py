from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from showtell.datasets import Dataset, Example
from showtell.errors import DatasetError
from showtell.training.data import fingerprint, prepare


def dataset(*splits: str) -> Dataset:
    examples = [
        Example(Path(f"{number}.jpg"), (f"a dog number {number}", "a dog"), split)
        for number, split in enumerate(splits)
    ]
    return Dataset("dogs", tuple(examples), ())


def one_set(*splits: str) -> list[Dataset]:
    return [dataset(*splits)]


FEATURES = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float16)
ROWS = {Path(f"{number}.jpg"): 8 - number for number in range(4)}


def test_captions_share_their_photo_s_features() -> None:
    data = prepare(one_set("train", "train", "val", "test"), FEATURES, ROWS, min_count=1, max_words=5)
    np.testing.assert_array_equal(data.train.rows, [8, 7])
    np.testing.assert_array_equal(data.train.photo, [0, 0, 1, 1])
    np.testing.assert_array_equal(data.val.rows, [6])
    assert data.train.captions.shape == (4, 7)
    np.testing.assert_array_equal(data.train.lengths, [6, 4, 6, 4])
    assert data.val.references == [["a dog number 2", "a dog"]]
    # the vocabulary is of the training captions alone
    assert set(data.vocabulary.words) == {"a", "dog", "number", "0", "1"}
    assert data.batch(data.train.rows).dtype == np.float32


def test_words_that_recur_in_captions_are_repeatable() -> None:
    """In one of 19 captions that hold it a word recurs often enough, in one of 20 it does not."""
    captions = ["a dog and a cat", "a dog and a dog", *["a dog"] * 17, *["cat cat", *["cat"] * 18]]
    found = Dataset(
        "dogs", (Example(Path("0.jpg"), tuple(captions), "train"), Example(Path("1.jpg"), ("a",), "val")), ()
    )
    assert prepare([found], FEATURES, ROWS, min_count=2, max_words=5).repeatable_words() == ["a", "dog"]


def test_the_statistics_are_of_the_training_photos() -> None:
    data = prepare(one_set("train", "train", "val"), FEATURES, ROWS, min_count=1, max_words=5)
    found = data.statistics()
    assert found.keys() == {"feature_mean", "feature_scale"}
    np.testing.assert_allclose(found["feature_mean"], FEATURES[[8, 7]].astype(float).mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found["feature_scale"], FEATURES[[8, 7]].astype(float).std(axis=0) + 1e-3, rtol=1e-5)
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}


def test_the_statistics_of_grids_are_of_their_means_and_of_their_positions() -> None:
    grids = np.random.default_rng(1).standard_normal((9, 5, 4)).astype(np.float16)
    found = prepare(one_set("train", "train", "val"), grids, ROWS, min_count=1, max_words=5).statistics()
    ours = grids[[8, 7]].astype(float)
    for name, rows in (("feature", ours.mean(axis=1)), ("grid", ours.reshape(-1, 4))):
        np.testing.assert_allclose(found[f"{name}_mean"], rows.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(found[f"{name}_scale"], rows.std(axis=0) + 1e-3, rtol=1e-4)


def test_a_photo_is_shown_by_each_of_its_views() -> None:
    turned = {photo: 3 - row % 4 for photo, row in ROWS.items()}
    views = [(FEATURES + 10, ROWS), (FEATURES[:4] + 20, turned)]
    data = prepare(one_set("train", "train", "val"), FEATURES, ROWS, 1, 5, views)
    rows = np.repeat(data.train.rows, 100)
    of_row = {row: turned[photo] for photo, row in ROWS.items()}
    expected = [FEATURES[rows], FEATURES[rows] + 10, FEATURES[[of_row[row] for row in rows]] + 20]
    for wanted in (1, 2, 3):
        seen = data.batch(rows, np.random.default_rng(0), wanted)
        times = [int((seen == view).all(axis=1).sum()) for view in expected]
        assert sum(times) == len(rows)
        assert all(150 / wanted < count < 250 / wanted for count in times[:wanted])
    np.testing.assert_array_equal(data.batch(rows), FEATURES[rows])


@pytest.mark.parametrize(("splits", "named"), [(["val", "test"], "'train'"), (["train", "test"], "'val'")])
def test_a_split_without_photos_is_an_error(splits: list[str], named: str) -> None:
    with pytest.raises(DatasetError, match=f"dogs has no photos with captions in its split {named}"):
        prepare(one_set(*splits), FEATURES, ROWS, 1, 5)


def test_a_photo_without_features_is_left_out() -> None:
    rows = {photo: row for photo, row in ROWS.items() if photo != Path("1.jpg")}
    data = prepare(one_set("train", "train", "val"), FEATURES, rows, 1, 5)
    np.testing.assert_array_equal(data.train.rows, [8])


def test_a_fingerprint_is_of_photos_captions_and_splits() -> None:
    def of(splits: tuple[str, ...], features: np.ndarray = FEATURES) -> str:
        return fingerprint(prepare(one_set(*splits), features, ROWS, 1, 5))

    usual = of(("train", "train", "val"))
    assert usual == of(("train", "train", "val"))
    changed = FEATURES.copy()
    changed[7, 0] += 1
    assert usual not in {of(("train", "train", "val"), changed), of(("train", "val", "val"))}
