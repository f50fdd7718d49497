from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from showtell.errors import ShowtellError


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9])
def test_a_share_is_dropped_and_the_mean_stays(layers: ModuleType, p: float) -> None:
    out, _ = layers.dropout_forward(np.ones((400, 500)), p, rng())
    assert (out == 0).mean() == pytest.approx(p, abs=5e-3)
    assert out.mean() == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(np.unique(out[out != 0]), 1 / (1 - p))


@pytest.mark.parametrize("shape", [(3, 4), (1,), (0, 5), (2, 0, 3)])
def test_the_backward_drops_and_scales_the_same_numbers(layers: ModuleType, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).standard_normal(shape)
    dout = np.random.default_rng(2).standard_normal(shape)
    x.flags.writeable = dout.flags.writeable = False
    out, cache = layers.dropout_forward(x, 0.5, rng())
    for _ in range(2):
        dx = layers.dropout_backward(dout, cache)
        # out = x * s with s fixed, so dx = dout * s
        np.testing.assert_allclose(dx * x, dout * out)
        np.testing.assert_array_equal(dx == 0, out == 0)


def test_float32_and_float64_drop_the_same(layers: ModuleType) -> None:
    x = np.ones((20, 20))
    double, single = (layers.dropout_forward(x.astype(dtype), 0.5, rng())[0] for dtype in (np.float64, np.float32))
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, double)


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_p_out_of_range(layers: ModuleType, p: float) -> None:
    with pytest.raises(ShowtellError, match="dropout_forward: p is"):
        layers.dropout_forward(np.ones(3), p, rng())
