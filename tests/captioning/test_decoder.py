from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from gradients import TOLERANCE_AUTOGRAD, TOLERANCE_ON_FILE, check_differences, relative_error
from showtell.captioning.decoder import CaptionDecoder
from showtell.errors import ShowtellError
from showtell.lab.decoder_cases import (
    DECODERS,
    KINDS,
    SAID,
    WORDS,
    DecoderCase,
    WordCase,
    draw_captions,
    draw_decoder,
)
from showtell.nn import functional
from showtell.nn.backend import best_layers
from showtell.text.vocabulary import PAD, START

GOLDEN = Path(__file__).parent / "golden" / "decoder.npz"

each_kind = pytest.mark.parametrize(("cell", "activation", "heads"), KINDS)


@pytest.mark.parametrize("case", DECODERS, ids=lambda case: case.name)
def test_gradients_against_finite_differences(case: DecoderCase) -> None:
    problem = case.gradient_check(best_layers())
    assert problem.grads.keys() == problem.args.keys()
    check_differences(problem)


def compare(cell: str, activation: str, heads: int, expected: dict[str, np.ndarray]) -> None:
    loss, grads = draw_decoder(cell, activation, heads).loss(*draw_captions(heads), label_smoothing=0.1)
    assert loss == pytest.approx(float(expected["loss"]), rel=TOLERANCE_AUTOGRAD)
    for name, grad in grads.items():
        error = relative_error(grad, expected[name])
        assert error <= TOLERANCE_AUTOGRAD, f"{name} differs from torch by {error:.1e}"


@each_kind
def test_gradients_against_autograd(cell: str, activation: str, heads: int) -> None:
    """Torch's numbers as `make_golden.py` wrote them."""
    prefix = f"{cell}-{activation}-{heads}/"
    with np.load(GOLDEN) as file:
        compare(
            cell, activation, heads, {name.removeprefix(prefix): file[name] for name in file if name.startswith(prefix)}
        )


def said(decoder: CaptionDecoder, layers: ModuleType) -> tuple[CaptionDecoder, np.ndarray, np.ndarray]:
    """The decoder computed by `layers`, a photo's features and words said of it."""
    decoder.layers = layers
    features, captions, _ = draw_captions(decoder.heads if decoder.attention_dim else 0)
    return decoder, features[1], captions[3]


@pytest.mark.parametrize("case", SAID, ids=lambda case: case.name)
def test_word_gradients_against_finite_differences(layers: ModuleType, case: WordCase) -> None:
    check_differences(case.gradient_check(layers))


@each_kind
def test_word_gradients_are_of_all_words(layers: ModuleType, cell: str, activation: str, heads: int) -> None:
    decoder, photo, words = said(draw_decoder(cell, activation, heads), layers)
    log_probs, grads = decoder.word_gradients(photo, words)
    assert len(words) - 1 == WORDS
    assert grads.shape == (WORDS, *photo.shape)
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=1), 1)


@each_kind
def test_word_gradients_against_autograd(layers: ModuleType, cell: str, activation: str, heads: int) -> None:
    decoder, photo, words = said(draw_decoder(cell, activation, heads), layers)
    with np.load(GOLDEN) as file:
        for name, ours in zip(("log_probs", "features"), decoder.word_gradients(photo, words), strict=True):
            assert relative_error(ours, file[f"{cell}-{activation}-{heads}/words/{name}"]) <= TOLERANCE_AUTOGRAD


@pytest.mark.oracle
def test_the_numbers_on_file_are_torch_s() -> None:
    pytest.importorskip("torch")
    import make_golden

    theirs = make_golden.decoders()
    with np.load(GOLDEN) as file:
        assert set(file) == theirs.keys()
        for name, array in theirs.items():
            assert relative_error(file[name], np.asarray(array)) <= TOLERANCE_ON_FILE, name


@each_kind
def test_word_gradients_of_few_words(layers: ModuleType, cell: str, activation: str, heads: int) -> None:
    """A caption's beginning has the gradients that it has in the whole; of no word there is none."""
    decoder, photo, words = said(draw_decoder(cell, activation, heads), layers)
    whole = decoder.word_gradients(photo, words)
    for T in (0, 1, 3):
        for part, all_ in zip(decoder.word_gradients(photo, words[: T + 1]), whole, strict=True):
            assert part.shape == (T, *all_.shape[1:])
            np.testing.assert_allclose(part, all_[:T], rtol=1e-9, atol=1e-14)


@each_kind
def test_word_gradients_keep_the_dtype(layers: ModuleType, cell: str, activation: str, heads: int) -> None:
    decoder, photo, words = said(draw_decoder(cell, activation, heads, dtype=np.float32), layers)
    exact = draw_decoder(cell, activation, heads).word_gradients(photo, words)
    for single, double in zip(decoder.word_gradients(photo.astype(np.float32), words), exact, strict=True):
        assert single.dtype == np.float32
        assert relative_error(single, double) < 2e-5


@each_kind
def test_activity_makes_the_state(cell: str, activation: str, heads: int) -> None:
    """The equations of the cells, with the gates that are told."""
    decoder, photo, words = said(draw_decoder(cell, activation, heads), functional)
    found = decoder.activity(photo, words)
    h, T, H = found["h"], len(words) - 1, decoder.hidden_dim
    assert all(array.shape == (T, H) for array in found.values())
    if cell == "rnn":
        assert found.keys() == {"h"}
    elif cell == "gru":
        np.testing.assert_allclose(h[1:], (1 - found["z"][1:]) * found["n"][1:] + found["z"][1:] * h[:-1])
        assert ((found["r"] > 0) & (found["r"] < 1)).all()
    else:
        np.testing.assert_allclose(h, found["o"] * np.tanh(found["c"]))
        np.testing.assert_allclose(found["c"][1:], found["f"][1:] * found["c"][:-1] + found["i"][1:] * found["g"][1:])


@each_kind
def test_steps_add_up_to_the_loss(cell: str, activation: str, heads: int) -> None:
    """What a search is told, word for word, is what training measures."""
    decoder, (features, captions, photo) = draw_decoder(cell, activation, heads), draw_captions(heads)
    total, stepwise = 0.0, decoder.stepwise()
    for grid, caption in zip(features[photo], captions, strict=True):
        state = stepwise.start(grid[None])
        for word, following in pairwise(caption[caption != PAD]):
            log_probs, state = stepwise.step(np.array([word]), state)
            assert np.exp(log_probs).sum() == pytest.approx(1)
            total -= log_probs[0, following]
    assert decoder.evaluate(features, captions, photo) == pytest.approx(total / len(captions))


@each_kind
def test_padding_and_order_do_not_matter(cell: str, activation: str, heads: int) -> None:
    decoder, (features, captions, photo) = draw_decoder(cell, activation, heads), draw_captions(heads)
    loss, grads = decoder.loss(features, captions, photo)
    wider = np.pad(captions, ((0, 0), (0, 3)), constant_values=PAD)
    for changed in (
        decoder.loss(features, wider, photo),
        decoder.loss(features, captions[::-1], photo[::-1]),
        decoder.loss(features[photo], captions),
    ):
        assert changed[0] == pytest.approx(loss)
        for name in grads:
            assert relative_error(changed[1][name], grads[name]) < 1e-12


@each_kind
def test_float32_stays_float32(cell: str, activation: str, heads: int) -> None:
    decoder = draw_decoder(cell, activation, heads, dtype=np.float32)
    features, captions, photo = draw_captions(heads, np.float32)
    loss, grads = decoder.loss(features, captions, photo, dropout=0.5, rng=np.random.default_rng(0))
    assert np.isfinite(loss)
    assert {grad.dtype for grad in grads.values()} == {np.dtype(np.float32)}
    stepwise = decoder.stepwise()
    log_probs, state = stepwise.step(np.array([START]), stepwise.start(features[:1]))
    assert {array.dtype for array in (log_probs, *state.memory)} == {np.dtype(np.float32)}


def test_no_caption_and_no_word() -> None:
    decoder = draw_decoder("lstm")
    for features, captions in [(np.zeros((0, 6)), np.zeros((0, 4), int)), (np.ones((2, 6)), np.zeros((2, 1), int))]:
        loss, grads = decoder.loss(features, captions)
        assert loss == 0
        assert not any(grad.any() for grad in grads.values())


def test_remedies_against_vanishing_gradients_are_choices() -> None:
    H = 7
    lstm = draw_decoder("lstm", forget_bias=2.0)
    np.testing.assert_array_equal(lstm.params["b"], [0] * H + [2] * H + [0] * 2 * H)
    np.testing.assert_array_equal(draw_decoder("rnn", "relu", init="identity").params["Wh"], np.eye(H))
    Wh = draw_decoder("gru", init="orthogonal").params["Wh"]
    for gate in range(3):
        block = Wh[:, gate * H : (gate + 1) * H]
        np.testing.assert_allclose(block @ block.T, np.eye(H), atol=1e-12)
    bound = np.sqrt(6 / (2 * H))
    xavier = draw_decoder("rnn", init="xavier").params["Wh"]
    assert 0.8 * bound < np.abs(xavier).max() <= bound


def test_the_same_seed_gives_the_same_weights() -> None:
    one, two = draw_decoder("lstm"), draw_decoder("lstm")
    for name in one.params:
        np.testing.assert_array_equal(one.params[name], two.params[name])


@each_kind
def test_config_and_arrays_give_the_decoder_back(cell: str, activation: str, heads: int) -> None:
    decoder, (features, captions, photo) = draw_decoder(cell, activation, heads), draw_captions(heads)
    again = CaptionDecoder.from_arrays(decoder.config(), decoder.arrays())
    assert again.evaluate(features, captions, photo) == decoder.evaluate(features, captions, photo)


def test_wrong_calls_are_named() -> None:
    decoder, (features, captions, photo) = draw_decoder("lstm"), draw_captions()
    with pytest.raises(ShowtellError, match="'transformer'"):
        draw_decoder("transformer")
    with pytest.raises(ShowtellError, match="'sigmoid'"):
        draw_decoder("rnn", "sigmoid")
    with pytest.raises(ShowtellError, match="needs rng"):
        decoder.loss(features, captions, photo, dropout=0.5)
    with pytest.raises(ShowtellError, match=r"features has shape \(3, 5\), expected \(3, 6\)"):
        decoder.loss(features[:, :5], captions, photo)
    with pytest.raises(IndexError, match="word id 11"):
        decoder.loss(features, np.full((3, 3), 11))
    with pytest.raises(IndexError, match="photo holds 0 to 3, expected 0 to 2"):
        decoder.loss(features, captions)
    with pytest.raises(ShowtellError, match=r"photo has shape \(3,\), expected \(4,\)"):
        decoder.loss(features, captions, photo[1:])
    with pytest.raises(ShowtellError, match=r"weight has shape \(3,\), expected \(4,\)"):
        decoder.loss(features, captions, photo, weight=np.ones(3))
    with pytest.raises(ShowtellError, match=r"features has shape \(3, 6\), expected \(M, P, F\)"):
        draw_decoder("lstm", heads=2).loss(features, captions, photo)
    arrays = decoder.arrays()
    with pytest.raises(ShowtellError, match="Wx has shape"):
        CaptionDecoder.from_arrays(decoder.config(), arrays | {"Wx": arrays["Wx"][1:]})
    with pytest.raises(ShowtellError, match="params are"):
        CaptionDecoder.from_arrays(decoder.config(), {name: a for name, a in arrays.items() if name != "b"})


@pytest.mark.parametrize("N", [1, 5])
def test_where_it_looked(layers: ModuleType, N: int) -> None:
    rng = np.random.default_rng(0)
    decoder = draw_decoder("lstm", heads=2, layers=layers)
    grids, photo = rng.standard_normal((3, 9, 6)), rng.integers(0, 3, N)
    captions = rng.integers(4, 11, (N, 7))
    captions[0, 4:] = PAD
    looks = decoder.looks(grids, captions, photo)
    assert looks.shape == (N, 6, 9)
    np.testing.assert_array_equal(looks[0, 3:], 0)
    np.testing.assert_allclose(looks.sum(axis=2), captions[:, 1:] != PAD)
    alone = decoder.looks(grids[photo[-1:]], captions[-1:])
    np.testing.assert_allclose(looks[-1], alone[0])
    reference = draw_decoder("lstm", heads=2, layers=functional).with_params(decoder.params)
    np.testing.assert_allclose(looks, reference.looks(grids, captions, photo), atol=1e-12)
    with pytest.raises(ShowtellError, match="no attention"):
        draw_decoder("lstm").looks(grids, captions, photo)
