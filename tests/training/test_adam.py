from __future__ import annotations

import numpy as np
import pytest

from showtell.nn.backend import Optimizer
from showtell.training.adam import Adam, clip_scale, gradient_norm


def draw(seed: int, *shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"p{index}": rng.standard_normal(shape) for index, shape in enumerate(shapes)}


def by_the_paper(params, gradients, rate):
    """Algorithm 1 of Kingma & Ba, as it is printed."""
    theta = {name: array.copy() for name, array in params.items()}
    m = {name: np.zeros_like(array) for name, array in params.items()}
    v = {name: np.zeros_like(array) for name, array in params.items()}
    for t, grads in enumerate(gradients, 1):
        for name, g in grads.items():
            m[name] = 0.9 * m[name] + 0.1 * g
            v[name] = 0.999 * v[name] + 0.001 * g**2
            m_hat, v_hat = m[name] / (1 - 0.9**t), v[name] / (1 - 0.999**t)
            theta[name] = theta[name] - rate * m_hat / (np.sqrt(v_hat) + 1e-8)
    return theta


def test_the_paper_s_algorithm(optimizer: Optimizer) -> None:
    shapes = [(3, 5), (1,), (200, 173)]  # the last is longer than a block
    params = draw(0, *shapes)
    gradients = [draw(seed, *shapes) for seed in (1, 2, 3, 4)]
    expected = by_the_paper(params, gradients, 0.01)
    adam = Adam(params, optimizer=optimizer)
    for grads in gradients:
        adam.update(params, grads, 0.01)
    for name in params:
        np.testing.assert_allclose(params[name], expected[name], rtol=1e-12)


def test_moving_average_of_the_weights(optimizer: Optimizer) -> None:
    params = draw(0, (3, 5), (200, 173))
    ema = {name: array.copy() for name, array in params.items()}
    expected = {name: array.copy() for name, array in params.items()}
    adam = Adam(params, optimizer=optimizer)
    for seed in (1, 2, 3):
        adam.update(params, draw(seed, (3, 5), (200, 173)), 0.1, ema=ema, ema_decay=0.75)
        for name in params:
            expected[name] = 0.75 * expected[name] + 0.25 * params[name]
            np.testing.assert_allclose(ema[name], expected[name], rtol=1e-12)


def test_scale_is_that_of_the_gradient() -> None:
    one, two = draw(0, (4, 4)), draw(0, (4, 4))
    grads = draw(1, (4, 4))
    Adam(one).update(one, grads, 0.1, scale=0.25)
    Adam(two).update(two, {name: 0.25 * grad for name, grad in grads.items()}, 0.1)
    np.testing.assert_array_equal(one["p0"], two["p0"])


def test_float32_stays_and_gradients_are_left_alone(optimizer: Optimizer) -> None:
    params = {"w": np.ones((3, 3), np.float32)}
    grads = {"w": np.full((3, 3), 0.5, np.float32)}
    adam = Adam(params, optimizer=optimizer)
    adam.update(params, grads, 0.01)
    assert params["w"].dtype == adam.exp_avg["w"].dtype == np.float32
    np.testing.assert_array_equal(grads["w"], np.float32(0.5))
    np.testing.assert_allclose(params["w"], 0.99, rtol=1e-5)


def test_a_parameter_without_a_gradient_is_an_error() -> None:
    params = draw(0, (2, 2))
    with pytest.raises(KeyError):
        Adam(params).update(params, {}, 0.1)


def test_norm_and_clipping(optimizer: Optimizer) -> None:
    grads = {"a": np.array([3.0]), "b": np.array([[0.0, 4.0]])}
    assert gradient_norm(grads, optimizer) == pytest.approx(5.0)
    assert clip_scale(5.0, 2.5) == pytest.approx(0.5)
    assert clip_scale(5.0, 10.0) == 1.0
    assert clip_scale(0.0, 1.0) == 1.0
