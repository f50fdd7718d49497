"""The vocabulary layer with its loss: the composition that it stands for, torch's autograd, odd shapes."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from gradients import TOLERANCE_AUTOGRAD, frozen, relative_error
from showtell.errors import ShowtellError
from showtell.nn import functional

# (N, T, H, V): usual, one of each, no step, no caption, more than one panel, slab and part of a product
SIZES = [(3, 5, 7, 11), (1, 1, 1, 1), (2, 0, 3, 4), (0, 2, 3, 4), (4, 3, 65, 130), (50, 20, 70, 67)]
each_size = pytest.mark.parametrize("size", SIZES, ids=str)
each_smoothing = pytest.mark.parametrize("smoothing", [0.0, 0.1])


def draw(size: tuple[int, ...], dtype: type = np.float64) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(list(size))
    N, T, H, V = size
    h, W, b = (rng.standard_normal(shape).astype(dtype) for shape in ((N, T, H), (H, V), (V,)))
    return frozen(h, W, b, rng.integers(0, V, (N, T)), rng.random((N, T)) < 0.7)


@each_size
@each_smoothing
def test_it_is_the_affine_layer_and_the_softmax_loss(layers: ModuleType, size, smoothing) -> None:
    h, W, b, y, mask = draw(size)
    scores, cache = functional.temporal_affine_forward(h, W, b)
    expected, dscores = functional.temporal_softmax_loss(scores, y, mask, smoothing)
    for _ in range(2):
        loss, grads = layers.vocabulary_loss(h, W, b, y, mask, smoothing)
        assert loss == pytest.approx(expected, rel=1e-12)
        for ours, theirs in zip(grads, functional.temporal_affine_backward(dscores, cache), strict=True):
            assert relative_error(ours, theirs) < 1e-12
    alone, none = layers.vocabulary_loss(h, W, b, y, mask, smoothing, gradients=False)
    assert alone == pytest.approx(expected, rel=1e-12)
    assert none is None


@each_size
def test_log_probabilities_of_the_right_words(layers: ModuleType, size) -> None:
    h, W, b, y, mask = draw(size)
    scores, _ = functional.temporal_affine_forward(h, W, b)
    expected = np.where(mask, np.take_along_axis(functional.log_softmax(scores), y[..., np.newaxis], 2)[..., 0], 0)
    found = layers.vocabulary_log_probs(h, W, b, y, mask)
    assert (found.dtype, found.shape) == (h.dtype, y.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    tied = layers.vocabulary_log_probs(h, np.asfortranarray(W), b, y, mask)
    np.testing.assert_allclose(tied, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.oracle
@each_size
def test_autograd(layers: ModuleType, size) -> None:
    torch = pytest.importorskip("torch")
    import oracle

    if 0 in size:
        pytest.skip("torch divides by no caption")
    h, W, b, y, mask = draw(size)
    leaves = [torch.tensor(array.copy(), requires_grad=True) for array in (h, W, b)]
    scores = oracle.temporal_affine_forward(*leaves)
    expected = oracle.temporal_softmax_loss(scores, torch.tensor(y.copy()), torch.tensor(mask.copy()), 0.1)
    loss, grads = layers.vocabulary_loss(h, W, b, y, mask, 0.1)
    assert loss == pytest.approx(expected.item(), rel=TOLERANCE_AUTOGRAD)
    for ours, theirs in zip(grads, torch.autograd.grad(expected, leaves), strict=True):
        assert relative_error(ours, theirs.numpy()) < TOLERANCE_AUTOGRAD


@each_size
def test_a_weight_multiplies_a_caption_s_loss_and_its_gradient(layers: ModuleType, size) -> None:
    """What a batch's captions give with weights is the sum of what each gives alone."""
    h, W, b, y, mask = draw(size)
    N = size[0]
    weight = np.random.default_rng(5).standard_normal(N)
    loss, grads = layers.vocabulary_loss(h, W, b, y, mask, 0.1, weight=weight)
    expected, sums = 0.0, [np.zeros_like(W), np.zeros_like(b)]
    for n in range(N):
        one = slice(n, n + 1)
        alone, (dh, dW, db) = functional.vocabulary_loss(h[one], W, b, y[one], mask[one], 0.1)
        expected += weight[n] * alone / N
        sums = [total + weight[n] * part / N for total, part in zip(sums, (dW, db), strict=True)]
        np.testing.assert_allclose(grads[0][one], weight[n] * dh / N, rtol=1e-10, atol=1e-14)
    assert loss == pytest.approx(expected, abs=1e-12)
    for ours, theirs in zip(grads[1:], sums, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-14)


@each_size
def test_float32_stays_float32(layers: ModuleType, size) -> None:
    loss, grads = layers.vocabulary_loss(*draw(size, np.float32), 0.1)
    expected, exact = functional.vocabulary_loss(*draw(size), 0.1)
    assert loss == pytest.approx(expected, rel=1e-5)
    for single, double in zip(grads, exact, strict=True):
        assert single.dtype == np.float32
        assert relative_error(single, double) < 2e-5


@pytest.mark.parametrize("scale", [1e4, 1e30])
def test_any_finite_scores_give_a_finite_loss(layers: ModuleType, scale: float) -> None:
    h = np.array([[[1.0, -1.0]]], np.float32)
    W = np.array([[scale, -scale, 0.0], [0.0, scale, scale]], np.float32)
    y, mask = np.array([[1]]), np.ones((1, 1), bool)
    loss, grads = layers.vocabulary_loss(h, W, np.zeros(3, np.float32), y, mask)
    assert loss == pytest.approx(3 * scale, rel=1e-6)
    np.testing.assert_allclose(grads[2], [1, -1, 0], atol=1e-6)


def test_wrong_calls_are_named(layers: ModuleType) -> None:
    h, W, b, y, mask = draw((3, 5, 7, 11))
    with pytest.raises(ShowtellError, match=r"W has shape \(6, 11\)"):
        layers.vocabulary_loss(h, W[1:], b, y, mask)
    with pytest.raises(ShowtellError, match=r"y has shape \(2, 5\)"):
        layers.vocabulary_loss(h, W, b, y[1:], mask)
    with pytest.raises(ShowtellError, match=r"weight has shape \(2,\), expected \(3,\)"):
        layers.vocabulary_loss(h, W, b, y, mask, weight=np.ones(2))
    with pytest.raises(ShowtellError, match="label_smoothing is 1"):
        layers.vocabulary_loss(h, W, b, y, mask, 1.0)
    with pytest.raises(IndexError, match="word id 11"):
        layers.vocabulary_loss(h, W, b, np.full_like(y, 11), mask)
    with pytest.raises(IndexError, match="word id -1"):
        layers.vocabulary_loss(h, W, b, np.full_like(y, -1), mask)
    with pytest.raises(ShowtellError, match=r"W has shape \(6, 11\)"):
        layers.vocabulary_log_probs(h, W[1:], b, y, mask)
    with pytest.raises(IndexError, match="word id 11"):
        layers.vocabulary_log_probs(h, W, b, np.full_like(y, 11), mask)
