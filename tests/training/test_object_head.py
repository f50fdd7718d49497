from __future__ import annotations

import numpy as np

from showtell.training.object_head import fit_object_head

RNG = np.random.default_rng(0)
SHOWN = RNG.random((600, 3)) < [0.5, 0.2, 0.05]
# Each object adds a direction of its own to the features
DIRECTIONS = RNG.standard_normal((3, 20)).astype(np.float32)
POOLED = (SHOWN @ DIRECTIONS + 0.1 * RNG.standard_normal((600, 20)) + 5).astype(np.float32)


def test_it_tells_objects_apart() -> None:
    head = fit_object_head(POOLED[:500], SHOWN[:500], ["a", "b", "c"], np.random.default_rng(1))
    assert head.names == ("a", "b", "c")
    likely = head.probabilities(POOLED[500:])
    assert ((likely > 0.5) == SHOWN[500:]).mean() > 0.97


def test_it_says_the_same_of_a_grid_as_of_its_mean() -> None:
    head = fit_object_head(POOLED, SHOWN, ["a", "b", "c"], np.random.default_rng(1))
    grid = np.stack([POOLED[:4] - 1, POOLED[:4] + 1], axis=1)
    np.testing.assert_allclose(head.probabilities(grid), head.probabilities(POOLED[:4]), rtol=1e-4)


def test_a_map_is_greatest_where_the_object_is() -> None:
    head = fit_object_head(POOLED, SHOWN, ["a", "b", "c"], np.random.default_rng(1))
    grid = np.full((9, 20), 5, np.float32)
    grid[4] += 3 * DIRECTIONS[1]
    assert head.activation(grid, np.array([1]))[:, 0].argmax() == 4


def test_the_same_seed_gives_the_same_head() -> None:
    one, two = (fit_object_head(POOLED, SHOWN, ["a", "b", "c"], np.random.default_rng(1)) for _ in range(2))
    assert one.W.tobytes() == two.W.tobytes()
