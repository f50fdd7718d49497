from __future__ import annotations

from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest

from gradients import relative_error
from showtell.captioning.stepper import Stepper
from showtell.errors import ShowtellError
from showtell.lab.decoder_cases import KINDS, draw_captions, draw_decoder
from showtell.text.vocabulary import PAD, START

each_kind = pytest.mark.parametrize(("cell", "activation", "heads"), KINDS)


@each_kind
def test_steps_add_up_to_the_loss(cell: str, activation: str, heads: int) -> None:
    """What a search is told, word for word, is what training measures."""
    decoder, (features, captions, photo) = draw_decoder(cell, activation, heads), draw_captions(heads)
    total, stepper = 0.0, Stepper(decoder)
    for grid, caption in zip(features[photo], captions, strict=True):
        state = stepper.start(grid[None])
        for word, following in pairwise(caption[caption != PAD]):
            log_probs, state = stepper.step(np.array([word]), state)
            assert np.exp(log_probs).sum() == pytest.approx(1)
            total -= log_probs[0, following]
    assert decoder.evaluate(features, captions, photo) == pytest.approx(total / len(captions))


@each_kind
def test_the_best_words_are_those_of_the_step(layers: ModuleType, cell: str, activation: str, heads: int) -> None:
    decoder = draw_decoder(cell, activation, heads, backend=layers)
    stepper, (features, *_) = Stepper(decoder), draw_captions(heads)
    assert stepper.vocab_size == decoder.config.vocab_size
    state, words = stepper.start(features), np.array([START, 5, 6])
    log_probs, _ = stepper.step(words, state)
    best, ids, after = stepper.best(words, state, 4, suppressed=(0, 5))
    log_probs[:, [0, 5]] = -np.inf
    np.testing.assert_array_equal(ids, np.argsort(-log_probs, axis=1, kind="stable")[:, :4])
    np.testing.assert_array_equal(best, np.take_along_axis(log_probs, ids, axis=1))
    assert len(after) == len(features)


@each_kind
def test_it_stays_in_float32(cell: str, activation: str, heads: int) -> None:
    features, *_ = draw_captions(heads, np.float32)
    exact, _, _ = draw_captions(heads)
    found = []
    for dtype, photos in ((np.float32, features), (np.float64, exact)):
        stepper = Stepper(draw_decoder(cell, activation, heads, dtype=dtype))
        log_probs, state = stepper.step(np.array([START]), stepper.start(photos[:1]))
        assert {array.dtype for array in (log_probs, *state.memory)} == {np.dtype(dtype)}
        found.append(log_probs)
    assert relative_error(*found) < 2e-5


def test_features_of_another_shape_are_named() -> None:
    stepper = Stepper(draw_decoder("lstm", heads=2))
    with pytest.raises(ShowtellError, match=r"features has shape \(3, 6\), expected \(M, P, F\)"):
        stepper.start(np.zeros((3, 6)))
