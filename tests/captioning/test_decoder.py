from __future__ import annotations

import pickle
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from gradients import TOLERANCE_AUTOGRAD, TOLERANCE_ON_FILE, check_differences, relative_error
from showtell.captioning.decoder import CaptionDecoder
from showtell.errors import ShowtellError
from showtell.lab.cases import KINKED, SMOOTH
from showtell.lab.decoder_cases import (
    DECODERS,
    KINDS,
    DecoderCase,
    draw_captions,
    draw_decoder,
)
from showtell.lab.differences import GradientCheck
from showtell.nn.backend import default_backend
from showtell.text.vocabulary import PAD

GOLDEN = Path(__file__).parent / "golden" / "decoder.npz"

each_kind = pytest.mark.parametrize(("cell", "activation", "heads"), KINDS)


# In the fast loop all settings at once stand for fewer
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=() if "dropout" in dict(case.settings) else pytest.mark.slow)
        for case in DECODERS
    ],
)
def test_gradients_against_finite_differences(case: DecoderCase) -> None:
    problem = case.gradient_check(default_backend())
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


def test_no_caption_and_no_word() -> None:
    decoder = draw_decoder("lstm")
    for features, captions in [(np.zeros((0, 6)), np.zeros((0, 4), int)), (np.ones((2, 6)), np.zeros((2, 1), int))]:
        loss, grads = decoder.loss(features, captions)
        assert loss == 0
        assert not any(grad.any() for grad in grads.values())


@each_kind
def test_config_and_arrays_give_the_decoder_back(cell: str, activation: str, heads: int) -> None:
    decoder, (features, captions, photo) = draw_decoder(cell, activation, heads), draw_captions(heads)
    again = CaptionDecoder.from_arrays(decoder.config, decoder.arrays())
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
        CaptionDecoder.from_arrays(decoder.config, arrays | {"Wx": arrays["Wx"][1:]})
    with pytest.raises(ShowtellError, match="params are"):
        CaptionDecoder.from_arrays(decoder.config, {name: a for name, a in arrays.items() if name != "b"})


def test_a_pickled_decoder_finds_its_backend(layers: ModuleType) -> None:
    decoder = draw_decoder("lstm", heads=2, backend=layers)
    again = pickle.loads(pickle.dumps(decoder))
    assert again.backend is layers
    assert again.config == decoder.config
    assert again.evaluate(*draw_captions(2)) == decoder.evaluate(*draw_captions(2))


@each_kind
def test_the_gradient_of_the_features_is_the_slope(layers: ModuleType, cell: str, activation: str, heads: int) -> None:
    decoder = draw_decoder(cell, activation, heads, backend=layers)
    features, captions, photo = draw_captions(heads)
    found = decoder.loss(features, captions, photo, with_features=True)[1]["features"]
    epsilon = KINKED if activation == "relu" else SMOOTH
    check_differences(
        GradientCheck(
            lambda x: decoder.evaluate(x, captions, photo), {"features": features}, {"features": found}, epsilon
        )
    )
