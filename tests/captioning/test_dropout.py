from __future__ import annotations

import numpy as np

from showtell.captioning.dropout import Dropout, dropout_backward
from showtell.nn.backend import Backend


def test_a_rate_of_zero_passes_everything_on(layers: Backend) -> None:
    x = np.ones((3, 4))
    for dropout in (Dropout(layers), Dropout(layers, 0.0, np.random.default_rng(0))):
        out, cache = dropout.forward(x)
        assert out is x
        assert dropout_backward(layers, x, cache) is x


def test_the_same_places_are_dropped_on_the_way_back(layers: Backend) -> None:
    out, cache = Dropout(layers, 0.5, np.random.default_rng(0)).forward(np.ones((30, 4)))
    assert set(out.ravel()) == {0, 2}
    np.testing.assert_array_equal(dropout_backward(layers, np.ones((30, 4)), cache), out)
