from __future__ import annotations

import numpy as np
import pytest

from showtell.captioning.object_head import ObjectHead
from showtell.errors import ShowtellError

RNG = np.random.default_rng(0)
HEAD = ObjectHead.of(["cat", "dog"], RNG.standard_normal((5, 2)).astype(np.float32), np.float32([-1, 2]))


def test_it_says_the_same_of_a_grid_as_of_its_mean() -> None:
    grid = RNG.standard_normal((3, 4, 5)).astype(np.float32)
    expected = 1 / (1 + np.exp(-(grid.mean(axis=1) @ HEAD.W + HEAD.b)))
    np.testing.assert_allclose(HEAD.probabilities(grid), expected, rtol=1e-5)
    np.testing.assert_allclose(HEAD.probabilities(grid.mean(axis=1)), expected, rtol=1e-5)


def test_the_entropy_is_greatest_where_nothing_is_decided() -> None:
    undecided = np.linalg.lstsq(HEAD.W.T.astype(np.float64), -HEAD.b.astype(np.float64), rcond=None)[0]
    grid = np.stack([undecided, 100 * RNG.standard_normal(5)]).astype(np.float32)
    np.testing.assert_allclose(HEAD.entropy(grid)[0], 2 * np.log(2), rtol=1e-6)
    assert 0 <= HEAD.entropy(grid)[1] < 0.01
    np.testing.assert_allclose(HEAD.entropy(np.repeat(grid[:, None], 3, axis=1)), HEAD.entropy(grid), rtol=1e-4)


def test_a_map_is_greatest_where_the_object_is() -> None:
    grid = np.zeros((9, 5), np.float32)
    grid[4] = HEAD.W[:, 1]
    assert HEAD.activation(grid, np.array([1]))[:, 0].argmax() == 4


def test_arrays_that_do_not_fit_together_are_an_error() -> None:
    with pytest.raises(ShowtellError, match="b has shape"):
        ObjectHead.of(["cat", "dog"], HEAD.W, HEAD.b[:1])
    with pytest.raises(ShowtellError, match="1 names for 2 objects"):
        ObjectHead.of(["cat"], HEAD.W, HEAD.b)
