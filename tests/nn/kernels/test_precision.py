"""Products of bfloat16: how near to float32 they are, that nothing else changes, and that every set agrees."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from decoders import fresh_decoder
from showtell.errors import ShowtellError
from showtell.nn import functional, kernels
from showtell.nn.choices import GATES

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the kernels were not compiled")

CELLS = [("rnn", ("tanh",)), ("rnn", ("relu",)), ("gru", ()), ("lstm", ())]
# Rows that make odd groups, widths that fill no vector, one of everything, none of everything, more than fits a cache
SIZES = [(50, 8, 64, 96), (7, 5, 33, 67), (3, 4, 1, 1), (1, 1, 5, 17), (2, 0, 3, 5), (0, 3, 4, 4), (250, 5, 40, 300)]


def rounded(x: np.ndarray) -> np.ndarray:
    """The nearest bfloat16, of two equally near ones the even one."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32)


def arguments(cell: str, N: int, T: int, D: int, H: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """What a layer takes, the captions' lengths, and a gradient that comes from above."""
    rng = np.random.default_rng([N, T, D, H])
    shapes = [(N, T, D), (N, H), (D, GATES[cell] * H), (H, GATES[cell] * H), (GATES[cell] * H,)]
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    arrays[2] /= np.float32(np.sqrt(D))
    arrays[3] /= np.float32(np.sqrt(H))
    return arrays, rng.integers(0, T + 1, N), rng.standard_normal((N, T, H)).astype(np.float32)


def distance(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The norm of the difference, of the norm of theirs."""
    return float(np.linalg.norm(ours - theirs) / max(np.linalg.norm(theirs), 1e-30))


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_recurrent_layer_is_within_a_hundredth(compiled: ModuleType, cell: str, activation, size) -> None:
    arrays, lengths, up = arguments(cell, *size)
    forward, backward = (getattr(compiled, f"{cell}_{way}") for way in ("forward", "backward"))
    h, cache = forward(*arrays, *activation, lengths=lengths, precision="bf16")
    expected, exact = getattr(functional, f"{cell}_forward")(*arrays, *activation, lengths=lengths)
    assert h.dtype == np.float32
    assert distance(h, expected) < 0.01
    # a ReLU that is near 0 may switch, and then its whole slope is another
    most = 0.05 if activation == ("relu",) else 0.01 if min(size) > 1 else 0.03
    grads, again = backward(up, cache), backward(up, cache)
    for ours, same, theirs in zip(grads, again, getattr(functional, f"{cell}_backward")(up, exact), strict=True):
        np.testing.assert_array_equal(ours, same)
        assert distance(ours, theirs) < most, f"{distance(ours, theirs)} of {most}"
    ended = np.arange(size[1]) >= lengths[:, None]
    assert not h[ended].any()
    assert not grads[0][ended].any()


def test_one_product_is_that_of_the_rounded_numbers(compiled: ModuleType) -> None:
    """With an identity for a cell, only the sum's order can differ."""
    rng = np.random.default_rng(0)
    x, Wx = (rng.standard_normal(shape).astype(np.float32) for shape in ((5, 1, 33), (33, 19)))
    h0, Wh, b = np.zeros((5, 19), np.float32), np.zeros((19, 19), np.float32), np.full(19, 50, np.float32)
    h, cache = compiled.rnn_forward(x, h0, Wx, Wh, b, "relu", precision="bf16")
    np.testing.assert_allclose(h[:, 0], rounded(x[:, 0]) @ rounded(Wx) + 50, rtol=1e-6)
    up = rng.standard_normal(h.shape).astype(np.float32)
    dx, _, dWx, _, _ = compiled.rnn_backward(up, cache)
    np.testing.assert_allclose(dx[:, 0], rounded(up[:, 0]) @ rounded(Wx).T, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(dWx, rounded(x[:, 0]).T @ rounded(up[:, 0]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(64, 40, 70), (7, 33, 19), (1, 1, 1), (0, 3, 4), (600, 530, 33)], ids=str)
def test_the_affine_layer_is_that_of_the_rounded_numbers(compiled: ModuleType, size) -> None:
    N, D, M = size
    rng = np.random.default_rng(size)
    x, w, b, up = (rng.standard_normal(s).astype(np.float32) for s in ((N, D), (D, M), (M,), (N, M)))
    out, cache = compiled.affine_forward(x, w, b, precision="bf16")
    np.testing.assert_allclose(out, rounded(x) @ rounded(w) + b, rtol=1e-4, atol=1e-4)
    dx, dw, db = compiled.affine_backward(up, cache)
    np.testing.assert_allclose(dx, rounded(up) @ rounded(w).T, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(dw, rounded(x).T @ rounded(up), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(db, up.sum(axis=0), rtol=1e-4, atol=1e-5)
    none, *others = compiled.affine_backward(up, cache, with_dx=False)
    assert none is None
    for ours, theirs in zip(others, (dw, db), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "size", [(40, 9, 64, 500), (3, 3, 17, 33), (1, 1, 1, 2), (2, 0, 4, 5), (400, 9, 33, 70)], ids=str
)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_vocabulary_s_loss_is_within_a_hundredth(compiled: ModuleType, size, smoothing: float) -> None:
    N, T, H, V = size
    rng = np.random.default_rng(size)
    h, W, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((N, T, H), (H, V), (V,)))
    W /= np.float32(np.sqrt(H))
    y, mask = rng.integers(0, V, (N, T)), rng.random((N, T)) < 0.7
    loss, found = compiled.vocabulary_loss(h, W, b, y, mask, smoothing, precision="bf16")
    expected, theirs = functional.vocabulary_loss(h, W, b, y, mask, smoothing)
    assert loss == pytest.approx(expected, rel=0.01)
    for ours, exact in zip(found, theirs, strict=True):
        assert distance(ours, exact) < 0.01
    assert compiled.vocabulary_loss(h, W, b, y, mask, smoothing, gradients=False, precision="bf16") == (loss, None)


@pytest.mark.parametrize(
    "size", [(40, 9, 64, 500), (3, 3, 17, 33), (1, 1, 1, 2), (2, 0, 4, 5), (400, 9, 33, 70)], ids=str
)
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_transpose_gives_the_vocabulary_s_loss_as_a_copy_of_it_does(
    compiled: ModuleType, size, precision: str
) -> None:
    N, T, H, V = size
    rng = np.random.default_rng(size)
    h, turned, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((N, T, H), (V, H), (V,)))
    y, mask = rng.integers(0, V, (N, T)), rng.random((N, T)) < 0.7
    found, expected = (
        compiled.vocabulary_loss(h, W, b, y, mask, 0.1, precision=precision)
        for W in (turned.T, np.ascontiguousarray(turned.T))
    )
    assert found[0] == expected[0]
    for ours, theirs in zip(found[1], expected[1], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert found[1][1].T.flags.c_contiguous


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize(
    ("E", "H", "V", "R"), [(8, 16, 100, 3), (7, 33, 61, 1), (1, 1, 2, 2), (64, 96, 300, 9), (8, 33, 40, 150)]
)
def test_decoding_is_near_that_with_rounded_weights(compiled: ModuleType, cell: str, activation, E, H, V, R) -> None:
    rng = np.random.default_rng([E, H])
    shapes = [(V, E), (E + 2, GATES[cell] * H), (H, GATES[cell] * H), (GATES[cell] * H,), (H, V), (V,)]
    weights = [(rng.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32) for shape in shapes]
    near = [w if at in (0, 3, 5) else rounded(w) for at, w in enumerate(weights)]
    near[1][E:] = weights[1][E:]  # what is beside every word is multiplied once, in float32
    options = (cell, activation[0] if activation else "tanh")
    ours = compiled.DecodingStep(*options, *weights, precision="bf16")
    theirs = functional.DecodingStep(*options, *near)
    first = rng.standard_normal((R, H)).astype(np.float32), rng.standard_normal((R, 2)).astype(np.float32)
    state, expected_state = ours.start(*first), theirs.start(*first)
    for _ in range(3):
        words = rng.integers(0, V, R)
        found, state = ours.step(words, state)
        expected, expected_state = theirs.step(words, expected_state)
        np.testing.assert_allclose(found, expected, atol=0.02)  # the states are rounded as well
    best, ids, _ = ours.best(words, state, 2)
    everything, _ = ours.step(words, state)
    np.testing.assert_array_equal(best, np.take_along_axis(everything, ids, axis=1))
    np.testing.assert_array_equal(best[:, 0], everything.max(axis=1))


def test_what_has_no_bf16_says_so() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in ((2, 3, 4), (2, 5), (4, 5), (5, 5), (5,))]
    with pytest.raises(ShowtellError, match="precision is 'bf16' and the arrays are float64"):
        kernels.rnn_forward(*arrays, precision="bf16")
    with pytest.raises(ShowtellError, match="precision is 'int8', expected one of 'float32', 'bf16'"):
        kernels.rnn_forward(*arrays, precision="int8")
    with pytest.raises(ShowtellError, match="precision 'bf16' needs the compiled layers"):
        fresh_decoder(10, 4, 4, 4, backend=functional, precision="bf16")


@pytest.mark.parametrize(("cell", "attention_dim"), [("lstm", 0), ("gru", 0), ("rnn", 0), ("lstm", 48)])
def test_a_decoder_s_gradients_are_within_a_hundredth(compiled: ModuleType, cell, attention_dim: int) -> None:
    rng = np.random.default_rng(0)
    captions = rng.integers(4, 200, (30, 9))
    features = rng.standard_normal((30, 9, 20) if attention_dim else (30, 20)).astype(np.float32)
    grads = {}
    for precision in ("float32", "bf16"):
        decoder = fresh_decoder(
            200, 20, 32, 64, cell=cell, attention_dim=attention_dim, backend=compiled, precision=precision
        )
        _, grads[precision] = decoder.loss(features, captions, label_smoothing=0.1)
    for name, exact in grads["float32"].items():
        assert distance(grads["bf16"][name], exact) < 0.01, f"{name}: {distance(grads['bf16'][name], exact)}"
