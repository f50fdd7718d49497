"""Attention maps, gradients of words and gates: against finite differences, torch and the cells' equations."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from gradients import TOLERANCE_AUTOGRAD, check_differences, relative_error
from showtell.captioning.attribution import attention_maps, gate_activations, word_gradients
from showtell.captioning.decoder import CaptionDecoder
from showtell.errors import ShowtellError
from showtell.lab.decoder_cases import KINDS, SAID, WORDS, WordCase, draw_captions, draw_decoder
from showtell.nn import functional
from showtell.text.vocabulary import PAD

GOLDEN = Path(__file__).parent / "golden" / "decoder.npz"

each_kind = pytest.mark.parametrize(("cell", "activation", "heads"), KINDS)


def said(cell: str, activation: str, heads: int, **options: Any) -> tuple[CaptionDecoder, np.ndarray, np.ndarray]:
    """A decoder, a photo's features and words said of it."""
    decoder = draw_decoder(cell, activation, heads, **options)
    features, captions, _ = draw_captions(decoder.config.heads if decoder.config.attention_dim else 0)
    return decoder, features[1], captions[3]


@pytest.mark.parametrize("case", SAID, ids=lambda case: case.name)
def test_word_gradients_against_finite_differences(layers: ModuleType, case: WordCase) -> None:
    check_differences(case.gradient_check(layers))


@each_kind
def test_word_gradients_are_of_all_words(layers: ModuleType, cell: str, activation: str, heads: int) -> None:
    decoder, photo, words = said(cell, activation, heads, backend=layers)
    log_probs, grads = word_gradients(decoder, photo, words)
    assert len(words) - 1 == WORDS
    assert grads.shape == (WORDS, *photo.shape)
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=1), 1)


@each_kind
def test_word_gradients_against_autograd(layers: ModuleType, cell: str, activation: str, heads: int) -> None:
    decoder, photo, words = said(cell, activation, heads, backend=layers)
    with np.load(GOLDEN) as file:
        for name, ours in zip(("log_probs", "features"), word_gradients(decoder, photo, words), strict=True):
            assert relative_error(ours, file[f"{cell}-{activation}-{heads}/words/{name}"]) <= TOLERANCE_AUTOGRAD


@each_kind
def test_word_gradients_of_few_words(layers: ModuleType, cell: str, activation: str, heads: int) -> None:
    """A caption's beginning has the gradients that it has in the whole; of no word there is none."""
    decoder, photo, words = said(cell, activation, heads, backend=layers)
    whole = word_gradients(decoder, photo, words)
    for T in (0, 1, 3):
        for part, all_ in zip(word_gradients(decoder, photo, words[: T + 1]), whole, strict=True):
            assert part.shape == (T, *all_.shape[1:])
            np.testing.assert_allclose(part, all_[:T], rtol=1e-9, atol=1e-14)


@each_kind
def test_word_gradients_keep_the_dtype(layers: ModuleType, cell: str, activation: str, heads: int) -> None:
    decoder, photo, words = said(cell, activation, heads, dtype=np.float32, backend=layers)
    exact = word_gradients(draw_decoder(cell, activation, heads), photo, words)
    for single, double in zip(word_gradients(decoder, photo.astype(np.float32), words), exact, strict=True):
        assert single.dtype == np.float32
        assert relative_error(single, double) < 2e-5


@each_kind
def test_gate_activations_make_the_state(cell: str, activation: str, heads: int) -> None:
    """The equations of the cells, with the gates that are told."""
    decoder, photo, words = said(cell, activation, heads)
    found = gate_activations(decoder, photo, words)
    h, T, H = found["h"], len(words) - 1, decoder.config.hidden_dim
    assert all(array.shape == (T, H) for array in found.values())
    if cell == "rnn":
        assert found.keys() == {"h"}
    elif cell == "gru":
        np.testing.assert_allclose(h[1:], (1 - found["z"][1:]) * found["n"][1:] + found["z"][1:] * h[:-1])
        assert ((found["r"] > 0) & (found["r"] < 1)).all()
    else:
        np.testing.assert_allclose(h, found["o"] * np.tanh(found["c"]))
        np.testing.assert_allclose(found["c"][1:], found["f"][1:] * found["c"][:-1] + found["i"][1:] * found["g"][1:])


@pytest.mark.parametrize("N", [1, 5])
def test_attention_maps_are_distributions_over_the_positions(layers: ModuleType, N: int) -> None:
    rng = np.random.default_rng(0)
    decoder = draw_decoder("lstm", heads=2, backend=layers)
    grids, photo = rng.standard_normal((3, 9, 6)), rng.integers(0, 3, N)
    captions = rng.integers(4, 11, (N, 7))
    captions[0, 4:] = PAD
    maps = attention_maps(decoder, grids, captions, photo)
    assert maps.shape == (N, 6, 9)
    np.testing.assert_array_equal(maps[0, 3:], 0)
    np.testing.assert_allclose(maps.sum(axis=2), captions[:, 1:] != PAD)
    alone = attention_maps(decoder, grids[photo[-1:]], captions[-1:])
    np.testing.assert_allclose(maps[-1], alone[0])
    reference = draw_decoder("lstm", heads=2, backend=functional).with_params(decoder.params)
    np.testing.assert_allclose(maps, attention_maps(reference, grids, captions, photo), atol=1e-12)
    with pytest.raises(ShowtellError, match="no attention"):
        attention_maps(draw_decoder("lstm"), grids, captions, photo)
