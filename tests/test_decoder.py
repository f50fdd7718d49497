from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from gradients import TOLERANCE_AUTOGRAD, TOLERANCE_FINITE_DIFFERENCES, relative_error
from showtell.decoder import CaptionDecoder
from showtell.errors import ShowtellError
from showtell.text.vocabulary import END, PAD, START

GOLDEN = Path(__file__).parent / "golden" / "decoder.npz"
KINDS = [("lstm", "tanh"), ("gru", "tanh"), ("rnn", "tanh"), ("rnn", "relu")]

each_kind = pytest.mark.parametrize(("cell", "activation"), KINDS)


def make(cell: str, activation: str = "tanh", dtype: type = np.float64, **options) -> CaptionDecoder:
    rng = np.random.default_rng(1)
    return CaptionDecoder(
        11,
        6,
        5,
        7,
        cell=cell,
        activation=activation,
        feature_mean=rng.standard_normal(6),
        feature_scale=rng.uniform(0.5, 2, 6),
        dtype=dtype,
        rng=rng,
        **options,
    )


def draw(dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
    """Features of four photos, and a caption of each: of 4, 2, 0 and 5 words."""
    rng = np.random.default_rng(2)
    features = rng.standard_normal((4, 6)).astype(dtype)
    captions = np.full((4, 7), PAD)
    for row, count in zip(captions, (4, 2, 0, 5), strict=True):
        row[: count + 2] = [START, *rng.integers(4, 11, count), END]
    for array in (features, captions):
        array.flags.writeable = False
    return features, captions


SETTINGS = [{}, {"label_smoothing": 0.1}, {"dropout": 0.4, "label_smoothing": 0.1}]


@each_kind
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_gradients_against_finite_differences(cell: str, activation: str, settings: dict[str, float]) -> None:
    decoder, (features, captions) = make(cell, activation), draw()

    def loss() -> tuple[float, dict[str, np.ndarray]]:
        return decoder.loss(features, captions, rng=np.random.default_rng(3), **settings)

    grads = loss()[1]
    assert grads.keys() == decoder.params.keys()
    rng, epsilon = np.random.default_rng(4), 1e-3 if activation == "tanh" else 1e-5
    for name, array in decoder.params.items():
        start = array.copy()
        for _ in range(3):
            direction = rng.standard_normal(array.shape)
            direction /= np.linalg.norm(direction)
            at = []
            for k in (-2, -1, 1, 2):
                array[...] = start + k * epsilon * direction
                at.append(loss()[0])
            array[...] = start
            numeric = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * epsilon)
            exact = float(np.vdot(grads[name], direction))
            scale = max(abs(numeric), abs(exact), 0.1 * float(np.linalg.norm(grads[name])))
            error = abs(numeric - exact) / scale
            assert error <= TOLERANCE_FINITE_DIFFERENCES, (
                f"{name}: finite differences {numeric!r}, backward {exact!r}, relative error {error:.1e}"
            )


def compare(cell: str, activation: str, expected: dict[str, np.ndarray]) -> None:
    loss, grads = make(cell, activation).loss(*draw(), label_smoothing=0.1)
    assert loss == pytest.approx(float(expected["loss"]), rel=TOLERANCE_AUTOGRAD)
    for name, grad in grads.items():
        error = relative_error(grad, expected[name])
        assert error <= TOLERANCE_AUTOGRAD, f"{name} differs from torch by {error:.1e}"


@each_kind
def test_gradients_against_autograd(cell: str, activation: str) -> None:
    pytest.importorskip("torch")
    import oracle

    compare(cell, activation, oracle.decoder_gradients(make(cell, activation), *draw(), label_smoothing=0.1))


@each_kind
def test_gradients_against_autograd_on_file(cell: str, activation: str) -> None:
    """Torch's numbers as `make_golden.py` wrote them."""
    prefix = f"{cell}-{activation}/"
    with np.load(GOLDEN) as file:
        compare(cell, activation, {name.removeprefix(prefix): file[name] for name in file if name.startswith(prefix)})


@each_kind
def test_steps_add_up_to_the_loss(cell: str, activation: str) -> None:
    """What a search is told, word for word, is what training measures."""
    decoder, (features, captions) = make(cell, activation), draw()
    total, stepwise = 0.0, decoder.stepwise()
    for photo, caption in zip(features, captions, strict=True):
        state = stepwise.start(photo[None])
        for word, following in pairwise(caption[caption != PAD]):
            log_probs, state = stepwise.step(np.array([word]), state)
            assert np.exp(log_probs).sum() == pytest.approx(1)
            total -= log_probs[0, following]
    assert decoder.evaluate(features, captions) == pytest.approx(total / len(features))


@each_kind
def test_padding_and_order_do_not_matter(cell: str, activation: str) -> None:
    decoder, (features, captions) = make(cell, activation), draw()
    loss, grads = decoder.loss(features, captions)
    wider = np.pad(captions, ((0, 0), (0, 3)), constant_values=PAD)
    for changed in (decoder.loss(features, wider), decoder.loss(features[::-1], captions[::-1])):
        assert changed[0] == pytest.approx(loss)
        for name in grads:
            assert relative_error(changed[1][name], grads[name]) < 1e-12


@each_kind
def test_float32_stays_float32(cell: str, activation: str) -> None:
    decoder, (features, captions) = make(cell, activation, np.float32), draw(np.float32)
    loss, grads = decoder.loss(features, captions, dropout=0.5, rng=np.random.default_rng(0))
    assert np.isfinite(loss)
    assert {grad.dtype for grad in grads.values()} == {np.dtype(np.float32)}
    stepwise = decoder.stepwise()
    log_probs, state = stepwise.step(np.array([START]), stepwise.start(features[:1]))
    assert {array.dtype for array in (log_probs, *state)} == {np.dtype(np.float32)}


def test_no_caption_and_no_word() -> None:
    decoder = make("lstm")
    for features, captions in [(np.zeros((0, 6)), np.zeros((0, 4), int)), (np.ones((2, 6)), np.zeros((2, 1), int))]:
        loss, grads = decoder.loss(features, captions)
        assert loss == 0
        assert not any(grad.any() for grad in grads.values())


def test_remedies_against_vanishing_gradients_are_choices() -> None:
    H = 7
    lstm = make("lstm", forget_bias=2.0)
    np.testing.assert_array_equal(lstm.params["b"], [0] * H + [2] * H + [0] * 2 * H)
    np.testing.assert_array_equal(make("rnn", "relu", init="identity").params["Wh"], np.eye(H))
    Wh = make("gru", init="orthogonal").params["Wh"]
    for gate in range(3):
        block = Wh[:, gate * H : (gate + 1) * H]
        np.testing.assert_allclose(block @ block.T, np.eye(H), atol=1e-12)
    bound = np.sqrt(6 / (2 * H))
    xavier = make("rnn", init="xavier").params["Wh"]
    assert 0.8 * bound < np.abs(xavier).max() <= bound


def test_the_same_seed_gives_the_same_weights() -> None:
    one, two = make("lstm"), make("lstm")
    for name in one.params:
        np.testing.assert_array_equal(one.params[name], two.params[name])


@each_kind
def test_config_and_arrays_give_the_decoder_back(cell: str, activation: str) -> None:
    decoder, (features, captions) = make(cell, activation), draw()
    arrays = {name: array.astype(np.float64) for name, array in decoder.arrays().items()}
    again = CaptionDecoder.from_arrays(decoder.config() | {"dtype": np.float64}, arrays)
    assert again.evaluate(features, captions) == decoder.evaluate(features, captions)


def test_wrong_calls_are_named() -> None:
    decoder, (features, captions) = make("lstm"), draw()
    with pytest.raises(ShowtellError, match="'transformer'"):
        make("transformer")
    with pytest.raises(ShowtellError, match="'sigmoid'"):
        make("rnn", "sigmoid")
    with pytest.raises(ShowtellError, match="needs rng"):
        decoder.loss(features, captions, dropout=0.5)
    with pytest.raises(ShowtellError, match=r"features has shape \(4, 5\), expected \(4, 6\)"):
        decoder.loss(features[:, :5], captions)
    with pytest.raises(IndexError, match="word id 11"):
        decoder.loss(features, np.full((4, 3), 11))
    arrays = decoder.arrays()
    with pytest.raises(ShowtellError, match="Wx has shape"):
        CaptionDecoder.from_arrays(decoder.config(), arrays | {"Wx": arrays["Wx"][1:]})
    with pytest.raises(ShowtellError, match="params are"):
        CaptionDecoder.from_arrays(decoder.config(), {name: a for name, a in arrays.items() if name != "b"})
