from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from gradients import TOLERANCE_AUTOGRAD, check_differences, frozen, relative_error
from showtell.errors import ShowtellError
from showtell.lab.loss_cases import LOSSES, LossCase
from showtell.nn.functional import log_softmax, temporal_softmax_loss

SHAPES = [(3, 5, 7), (1, 1, 1), (2, 1, 9), (1, 4, 2), (4, 6, 33)]


def draw(N: int, T: int, V: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([N, T, V])
    mask = rng.random((N, T)) < 0.7
    mask[0, 0] = True
    return frozen(3 * rng.standard_normal((N, T, V)), rng.integers(0, V, (N, T)), mask)


@pytest.mark.parametrize("case", LOSSES, ids=lambda case: case.name)
def test_finite_differences(case: LossCase, layers: ModuleType) -> None:
    check_differences(case.gradient_check(layers))


@pytest.mark.oracle
@pytest.mark.parametrize("e", [0.0, 0.1])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_autograd(shape: tuple[int, int, int], e: float) -> None:
    torch = pytest.importorskip("torch")
    import oracle

    x, y, mask = draw(*shape)
    scores = torch.tensor(x, requires_grad=True)
    expected = oracle.temporal_softmax_loss(scores, torch.tensor(y), torch.tensor(mask), e)
    (gradient,) = torch.autograd.grad(expected, scores)
    loss, dx = temporal_softmax_loss(x, y, mask, e)
    assert loss == pytest.approx(float(expected.detach()), rel=TOLERANCE_AUTOGRAD)
    assert relative_error(dx, gradient.numpy()) <= TOLERANCE_AUTOGRAD


def test_by_hand() -> None:
    """Two words with odds 1 : 3, the right one the likelier; and a caption that is all padding."""
    x = np.log(np.array([[[1.0, 3.0]], [[5.0, 1.0]]]))
    loss, dx = temporal_softmax_loss(x, np.array([[1], [0]]), np.array([[True], [False]]))
    assert loss == pytest.approx(-np.log(0.75) / 2)
    np.testing.assert_allclose(dx, [[[0.125, -0.125]], [[0, 0]]])
    smooth, _ = temporal_softmax_loss(x, np.array([[1], [0]]), np.array([[True], [False]]), 0.2)
    assert smooth == pytest.approx((-0.9 * np.log(0.75) - 0.1 * np.log(0.25)) / 2)


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4)])
def test_nothing_to_learn_from(shape: tuple[int, int, int]) -> None:
    loss, dx = temporal_softmax_loss(np.zeros(shape), np.zeros(shape[:2], int), np.ones(shape[:2], bool))
    assert loss == 0
    assert dx.shape == shape


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("e", [0.0, 0.1])
def test_any_finite_scores(dtype: type, e: float) -> None:
    huge = np.finfo(dtype).max
    x = np.array([[[huge, -huge, 0], [-huge, -huge, -huge], [1e4, 1e4, -1e4]]], dtype)
    loss, dx = temporal_softmax_loss(x, np.array([[0, 1, 2]]), np.ones((1, 3), bool), e)
    assert not np.isnan(loss)
    assert np.isfinite(dx).all()
    assert dx.dtype == dtype
    np.testing.assert_allclose(dx[0, 0], [e * -1 / 3 + e, -e / 3, -e / 3], atol=1e-6)
    np.testing.assert_allclose(dx[0, 1], np.array([1, 1 - 3 * (1 - e), 1]) / 3 - e / 3, atol=1e-6)
    if dtype == np.float32:  # in float64 the sum of such numbers is finite
        assert np.isfinite(loss)
    for far, expected in [(x[:, 1:2], np.log(3)), (x[:, 2:], np.log(2) + 2e4 * (1 - e + e / 3))]:
        assert temporal_softmax_loss(far, np.array([[2]]), np.ones((1, 1), bool), e)[0] == pytest.approx(expected)
    np.testing.assert_allclose(np.exp(log_softmax(x)).sum(axis=-1), 1, rtol=1e-6)


def test_padding_is_not_read() -> None:
    x, y, mask = draw(3, 5, 7)
    loss, dx = temporal_softmax_loss(x, y, mask)
    other_x, other_y = np.where(mask[:, :, None], x, np.nan), np.where(mask, y, -99)
    again, other_dx = temporal_softmax_loss(other_x, other_y, mask)
    assert again == loss
    np.testing.assert_array_equal(other_dx, dx)
    assert not dx[~mask].any()


def test_wrong_calls_are_named() -> None:
    x, y, mask = draw(3, 5, 7)
    with pytest.raises(ShowtellError, match=r"y has shape \(3, 4\), expected \(3, 5\) = \(N, T\)"):
        temporal_softmax_loss(x, y[:, :4], mask)
    with pytest.raises(ShowtellError, match="label_smoothing is 1"):
        temporal_softmax_loss(x, y, mask, 1.0)
    with pytest.raises(IndexError, match="y holds the word id 7, expected 0 to 6"):
        temporal_softmax_loss(x, np.full((3, 5), 7), mask)
    with pytest.raises(ShowtellError, match="y has dtype float64, expected integers"):
        temporal_softmax_loss(x, y.astype(float), mask)
