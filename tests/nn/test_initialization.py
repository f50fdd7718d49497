from __future__ import annotations

import numpy as np
import pytest

from showtell.errors import ShowtellError
from showtell.nn.initialization import orthogonal, recurrent, xavier


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_xavier_has_the_variance_of_the_paper() -> None:
    weights = xavier(300, 500, rng(), np.float64)
    assert weights.shape == (300, 500)
    assert weights.var() == pytest.approx(2 / 800, rel=0.02)
    assert abs(weights.mean()) < 1e-3
    assert np.abs(weights).max() <= np.sqrt(6 / 800)


@pytest.mark.parametrize("size", [1, 2, 33])
def test_orthogonal_keeps_every_norm(size: int) -> None:
    weights = orthogonal(size, rng(), np.float64)
    np.testing.assert_allclose(weights @ weights.T, np.eye(size), atol=1e-12)


def test_orthogonal_is_uniform_over_both_signs() -> None:
    draws = np.array([orthogonal(3, np.random.default_rng(seed), np.float64) for seed in range(400)])
    # Of a uniform distribution over the orthogonal matrices every entry has mean 0 and variance 1/3
    assert np.abs(draws.mean(axis=0)).max() < 4 * np.sqrt(1 / 3 / 400)
    np.testing.assert_allclose(draws.var(axis=0), 1 / 3, atol=0.08)


@pytest.mark.parametrize("init", ["orthogonal", "xavier", "identity"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_recurrent_weights_are_a_block_a_gate(init, dtype) -> None:
    weights = recurrent(init, 6, 4, rng(), dtype)
    assert weights.shape == (6, 24)
    assert weights.dtype == dtype
    if init == "identity":
        np.testing.assert_array_equal(weights, np.tile(np.eye(6), 4))
    else:
        assert not np.allclose(weights[:, :6], weights[:, 6:12])


def test_another_name_is_an_error() -> None:
    with pytest.raises(ShowtellError, match="'zeros'"):
        recurrent("zeros", 3, 1, rng())  # type: ignore[arg-type]
