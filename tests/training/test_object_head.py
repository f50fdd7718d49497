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


def test_the_same_seed_gives_the_same_head() -> None:
    one, two = (fit_object_head(POOLED, SHOWN, ["a", "b", "c"], np.random.default_rng(1)) for _ in range(2))
    assert one.W.tobytes() == two.W.tobytes()
