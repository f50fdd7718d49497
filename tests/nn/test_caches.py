"""A backward takes the cache of its own forward, of its own backend, and no other."""

from __future__ import annotations

import numpy as np
import pytest

from showtell.errors import ShowtellError
from showtell.nn import functional, kernels
from showtell.nn.backend import Backend

SEQUENCE = [np.ones(shape) for shape in ((3, 4, 5), (3, 6), (5, 24), (6, 24), (24,))]


@pytest.mark.parametrize(
    "backward", ["rnn", "gru", "affine", "temporal_affine", "dropout", "attention", "word_embedding"]
)
def test_a_cache_of_another_layer_is_refused(layers: Backend, backward: str) -> None:
    h, cache = layers.lstm_forward(*SEQUENCE)
    with pytest.raises(
        ShowtellError, match=rf"{backward}_backward: the cache is .*, expected one of .*{backward}_forward"
    ):
        getattr(layers, f"{backward}_backward")(h, cache)


@pytest.mark.skipif(not kernels.available(), reason="the kernels were not compiled")
@pytest.mark.parametrize(("ours", "theirs"), [(functional, kernels), (kernels, functional)], ids=["numpy", "compiled"])
def test_a_cache_of_another_backend_is_refused(ours: Backend, theirs: Backend) -> None:
    h, cache = theirs.lstm_forward(*SEQUENCE)
    backend = ours.__name__.rpartition(".")[-1]
    with pytest.raises(ShowtellError, match=rf"lstm_backward: .*, expected one of {backend}\.lstm_forward"):
        ours.lstm_backward(h, cache)
    out, cache = theirs.affine_forward(h[:, 0], np.ones((6, 2)), np.ones(2))
    with pytest.raises(ShowtellError, match=rf"affine_backward: .*, expected one of {backend}\.affine_forward"):
        ours.affine_backward(out, cache)


def test_a_cache_of_every_time_step_is_not_that_of_one(layers: Backend) -> None:
    out, cache = layers.temporal_affine_forward(np.ones((2, 3, 4)), np.ones((4, 5)), np.ones(5))
    with pytest.raises(ShowtellError, match="the cache is of temporal_affine_forward, expected one of affine_forward"):
        layers.affine_backward(out[:, 0], cache)
