from __future__ import annotations

import json

import numpy as np
import pytest

from showtell.captioning.confidence import ACCEPTABLE, Confidence
from showtell.errors import ShowtellError


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signs of captions, scores, and the true probability that a score reaches the threshold."""
    rng = np.random.default_rng(seed)
    features = rng.normal([-1, 10], [0.3, 3], (count, 2))
    probability = 1 / (1 + np.exp(-(4 + 3 * features[:, 0] - 0.1 * features[:, 1])))
    good = rng.random(count) < probability
    return features, np.where(good, ACCEPTABLE, 0.2), probability


def test_a_logistic_relation_is_found_again() -> None:
    features, cider_d, probability = drawn(20_000, 0)
    found = Confidence.fit(features, cider_d)
    np.testing.assert_allclose(found.acceptable, [4, 3, -0.1], rtol=0.1)
    np.testing.assert_allclose(found.probability(features), probability, atol=0.03)


def test_a_linear_relation_is_found_again() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal([-1, 10], [0.3, 3], (2_000, 2))
    expected = 2 + features @ [1, -0.05]
    found = Confidence.fit(features, expected + 0.1 * rng.standard_normal(2_000))
    np.testing.assert_allclose(found.expected, [2, 1, -0.05], rtol=0.03)
    np.testing.assert_allclose(found.expected_cider_d(features), np.maximum(expected, 0), atol=0.03)
    assert found.expected_cider_d(np.array([[-9.0, 10.0]])) == 0


def test_the_gradient_is_0_where_it_is_fitted() -> None:
    """Of the likelihood with its prior, on features of mean 0 and deviation 1."""
    features, cider_d, _ = drawn(300, 1)
    center, scale = features.mean(0), features.std(0)
    found = Confidence.fit(features, cider_d)
    weights = found.acceptable[1:] * scale
    bias = found.acceptable[0] + found.acceptable[1:] @ center
    error = (cider_d >= ACCEPTABLE) - found.probability(features)
    np.testing.assert_allclose(((features - center) / scale).T @ error, weights, atol=1e-8)
    assert error.sum() == pytest.approx(bias, abs=1e-8)


def test_the_same_captions_give_the_same_bits() -> None:
    features, cider_d, _ = drawn(200, 2)
    assert Confidence.fit(features, cider_d) == Confidence.fit(features.copy(), cider_d.copy())


@pytest.mark.parametrize("value", [0.0, -1.1, 1e6])
def test_a_sign_that_never_changes_says_nothing(value: float) -> None:
    features, cider_d, _ = drawn(200, 3)
    alone = Confidence.fit(features[:, :1], cider_d)
    both = Confidence.fit(np.column_stack([features[:, 0], np.full(200, value)]), cider_d)
    assert both.acceptable[2] == pytest.approx(0, abs=1e-12)
    probability = both.probability(np.column_stack([features[:, 0], np.full(200, value)]))
    np.testing.assert_allclose(probability, alone.probability(features[:, :1]), atol=1e-8)


@pytest.mark.parametrize(("score", "low", "high"), [(0.0, 0.001, 0.05), (3.0, 0.95, 0.999)])
def test_where_all_are_alike_it_is_sure_but_not_certain(score: float, low: float, high: float) -> None:
    features, cider_d, _ = drawn(500, 4)
    found = Confidence.fit(features, np.full_like(cider_d, score))
    probability = found.probability(features)
    assert low < probability.min() <= probability.max() < high
    np.testing.assert_allclose(found.expected_cider_d(features), score, atol=1e-12)


def test_captions_that_a_line_divides() -> None:
    """Without the prior the weights would have no end."""
    features = np.linspace(-1, 1, 2_000)[:, None] ** 3
    found = Confidence.fit(features, (features[:, 0] > 0).astype(float))
    assert np.isfinite(found.acceptable).all()
    assert ((found.probability(features) > 0.5) == (features[:, 0] > 0)).all()


def test_one_caption_is_enough() -> None:
    found = Confidence.fit(np.array([[-1.0, 8.0]]), np.array([0.9]))
    assert 0.5 < found.probability(np.array([[-1.0, 8.0]]))[0] < 1
    assert found.expected_cider_d(np.array([[-1.0, 8.0]]))[0] == pytest.approx(0.9)


def test_it_stays_within_0_and_1() -> None:
    features, cider_d, _ = drawn(200, 5)
    far = np.array([[-1e9, 0], [1e9, 0]])
    np.testing.assert_array_equal(Confidence.fit(features, cider_d).probability(far), [0, 1])


def test_through_json_and_back() -> None:
    found = Confidence.fit(*drawn(200, 6)[:2])
    assert Confidence.from_dict(json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize(
    ("features", "cider_d", "named"),
    [
        (np.zeros((0, 2)), np.zeros(0), "no caption to learn from"),
        (np.zeros((3, 2)), np.zeros(2), r"shape \(3, 2\) and cider_d \(2,\), expected"),
        (np.zeros(3), np.zeros(3), r"shape \(3,\)"),
        (np.array([[np.nan, 1]]), np.zeros(1), "not finite"),
        (np.zeros((1, 2)), np.array([np.inf]), "not finite"),
    ],
)
def test_what_cannot_be_learnt_from(features: np.ndarray, cider_d: np.ndarray, named: str) -> None:
    with pytest.raises(ShowtellError, match=named):
        Confidence.fit(features, cider_d)


def test_other_signs_are_an_error() -> None:
    found = Confidence.fit(*drawn(20, 7)[:2])
    for features in (np.zeros((4, 3)), np.zeros(2)):
        with pytest.raises(ShowtellError, match=r"expected \(N, 2\)"):
            found.probability(features)
