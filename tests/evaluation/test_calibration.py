from __future__ import annotations

import numpy as np
import pytest

from showtell.captioning.confidence import Confidence
from showtell.errors import ShowtellError
from showtell.evaluation.calibration import calibration, cross_validated

SURE = np.array([0.9, 0.2, 0.6, 0.25])
CIDER_D = np.array([1.0, 0.1, 0.3, 0.7])


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.normal([-1, 10], [0.3, 3], (count, 2))
    good = rng.random(count) < 1 / (1 + np.exp(-(5 + 5 * features[:, 0])))
    return features, np.where(good, rng.uniform(0.5, 2, count), rng.uniform(0, 0.5, count))


def test_every_figure_by_hand() -> None:
    found = calibration(SURE, CIDER_D, 0.5)
    assert found.acceptable == 0.5
    assert found.constant_brier == 0.25
    assert found.brier == pytest.approx((0.1**2 + 0.2**2 + 0.6**2 + 0.75**2) / 4)
    # 0.2 and 0.25 share a bin: half of it is acceptable
    assert found.error == pytest.approx((0.1 + 0.6 + 2 * abs(0.225 - 0.5)) / 4)
    np.testing.assert_allclose(found.curve, [1.0, 1.3 / 2, 2.0 / 3, 2.1 / 4])
    assert found.area == pytest.approx(np.mean(found.curve))
    assert (found.at(0.01), found.at(0.5), found.at(1)) == pytest.approx((1.0, 0.65, 0.525))
    values = {row.name: row.value for row in found.rows()}
    assert values == {
        "acceptable": found.acceptable,
        "Brier": found.brier,
        "Brier, constant": found.constant_brier,
        "calibration error": found.error,
        "CIDEr-D, surest half": found.at(0.5),
        "CIDEr-D, surest quarter": found.at(0.25),
        "CIDEr-D, area": found.area,
    }


def test_the_order_of_the_captions_says_nothing() -> None:
    order = [2, 0, 3, 1]
    one, two = calibration(SURE, CIDER_D, 0.5), calibration(SURE[order], CIDER_D[order], 0.5)
    for ours, theirs in zip(one.rows(), two.rows(), strict=True):
        assert ours == (theirs.name, pytest.approx(theirs.value, rel=1e-12), None)


def test_constant_confidence_ranks_nothing() -> None:
    found = calibration(np.full(4, 0.5), CIDER_D, 0.5)
    np.testing.assert_allclose(found.curve, CIDER_D.mean())
    assert found.brier == found.constant_brier
    assert found.error == 0


def test_certainty_is_in_the_last_bin() -> None:
    assert calibration(np.array([1.0, 0.0]), np.array([1.0, 0.0]), 0.5).error == 0


def test_fitted_on_some_it_is_calibrated_on_others() -> None:
    features, cider_d = drawn(5_000, 1)
    found = calibration(Confidence.fit(*drawn(5_000, 0)).probability(features), cider_d, 0.5)
    assert found.error < 0.03
    assert found.brier < 0.9 * found.constant_brier
    assert found.at(0.25) > found.at(0.5) > found.at(1) + 0.1
    assert found.area > found.at(1)


def test_cross_validation_is_calibrated_too_and_the_same_each_time() -> None:
    features, cider_d = drawn(2_000, 2)
    confidence = cross_validated(features, cider_d)
    np.testing.assert_array_equal(confidence, cross_validated(features, cider_d))
    assert calibration(confidence, cider_d, 0.5).error < 0.04


def test_cross_validation_excludes_the_own_caption() -> None:
    features, cider_d = drawn(10, 3)
    changed = cider_d.copy()
    changed[4] = 10 - changed[4]
    before, after = cross_validated(features, cider_d, folds=10), cross_validated(features, changed, folds=10)
    assert before[4] == after[4]
    assert (np.delete(before, 4) != np.delete(after, 4)).all()


def test_uninformative_features_do_not_beat_the_constant() -> None:
    _, cider_d = drawn(1_000, 4)
    noise = np.random.default_rng(0).standard_normal((1_000, 2))
    found = calibration(cross_validated(noise, cider_d), cider_d, 0.5)
    assert found.brier == pytest.approx(found.constant_brier, abs=0.005)
    assert found.area == pytest.approx(found.at(1), abs=0.1)


@pytest.mark.parametrize("count", [(0, 0), (3, 2)])
def test_captions_without_scores_are_an_error(count: tuple[int, int]) -> None:
    with pytest.raises(ShowtellError, match=f"{count[0]} captions with {count[1]} scores"):
        calibration(np.zeros(count[0]), np.zeros(count[1]), 0.5)


@pytest.mark.parametrize("folds", [1, 11])
def test_so_many_folds_are_an_error(folds: int) -> None:
    with pytest.raises(ShowtellError, match=f"folds is {folds}, expected 2 to 10"):
        cross_validated(*drawn(10, 0), folds=folds)
