from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from conftest import PHOTOS, small_captioner
from decoders import fresh_decoder
from gradients import relative_error
from showtell.captioning.attribution import word_gradients
from showtell.captioning.captioner import Captioner
from showtell.captioning.confidence import Confidence
from showtell.captioning.decoder import CaptionDecoder
from showtell.captioning.model_file import SHIPPED
from showtell.explain import Explanation, explain
from showtell.text.vocabulary import END
from showtell.vision.encoder import Encoder, pool
from showtell.vision.photo import open_photo

PHOTO = PHOTOS / "chelsea.png"


@pytest.fixture
def explanation(captioner: Captioner) -> Explanation:
    return explain(captioner, PHOTO)


def other_cell(captioner: Captioner, cell: str) -> Captioner:
    """A captioner like it that sees the mean of the grid alone."""
    decoder = fresh_decoder(len(captioner.vocabulary), 1280, 8, 16, cell=cell, rng=np.random.default_rng(3))
    return Captioner(
        decoder,
        captioner.vocabulary,
        encoder=captioner.encoder,
        encoder_identity=captioner.encoder_identity,
        max_words=8,
    )


def test_its_steps_are_the_words_of_the_caption(captioner: Captioner, explanation: Explanation) -> None:
    caption = captioner.caption(PHOTO)
    assert explanation.caption == caption
    ended = len(caption.words) < captioner.max_words
    assert [step.word for step in explanation.steps] == [word for word, _ in caption.words] + ["<end>"] * ended


def test_its_probabilities_are_the_captioner_s(encoder: Encoder) -> None:
    """In float32: words' vectors as long as here make of bfloat16's rounding half a nat."""
    captioner = small_captioner(encoder, "float32")
    captioner.decoder.params["b_vocab"][END] = -50  # as many words as there can be
    explanation = explain(captioner, PHOTO)
    assert len(explanation.steps) == len(explanation.caption.words) == captioner.max_words
    for step, (_, probability) in zip(explanation.steps, explanation.caption.words, strict=True):
        assert step.probability == pytest.approx(probability, rel=1e-3)


def test_a_taught_captioner_s_probabilities_are_near_in_bfloat16_too() -> None:
    explanation = explain(Captioner.load(SHIPPED), PHOTO)
    for step, (_, probability) in zip(explanation.steps, explanation.caption.words, strict=False):
        assert step.probability == pytest.approx(probability, rel=0.1)


def test_runners_up_are_the_likeliest_other_words(captioner: Captioner) -> None:
    for step in explain(captioner, PHOTO, runners_up=3).steps:
        words, probabilities = zip(*step.runners_up, strict=True)
        assert len(words) == 3
        assert step.word not in words
        assert list(probabilities) == sorted(probabilities, reverse=True)
        assert step.probability + sum(probabilities) < 1


def test_the_attention_map_is_the_decoder_s(captioner: Captioner, explanation: Explanation) -> None:
    (maps,) = captioner.attention_maps(captioner.encode([PHOTO]), [explanation.caption])
    for step, attention_map in zip(explanation.steps, maps, strict=False):
        assert step.attention_map is not None
        np.testing.assert_allclose(step.attention_map, attention_map, atol=2e-3)


def test_the_gradient_is_the_slope_of_the_log_probability(captioner: Captioner, explanation: Explanation) -> None:
    decoder = captioner.decoder
    arrays = {name: array.astype(np.float64) for name, array in decoder.arrays().items()}
    exact = CaptionDecoder.from_arrays(decoder.config, arrays)
    words = captioner.word_ids(explanation.caption)
    grid = captioner.encode(PHOTO).astype(np.float64)
    direction = np.random.default_rng(0).standard_normal(grid.shape) / 300

    def log_probs(at: float) -> np.ndarray:
        found, _ = word_gradients(exact, grid + at * direction, words)
        return found[np.arange(len(words) - 1), words[1:]]

    numeric = (log_probs(1e-3) - log_probs(-1e-3)) / 2e-3
    ours = [(step.gradient.reshape(grid.shape) * direction).sum() for step in explanation.steps[: len(numeric)]]
    assert relative_error(np.array(ours), numeric) < 1e-6


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_without_attention_each_place_has_its_share_of_the_mean(captioner: Captioner, cell: str) -> None:
    other = other_cell(captioner, cell)
    grid = captioner.encoder.encode([open_photo(PHOTO)])
    step = explain(other, PHOTO).steps[0]
    assert step.attention_map is None
    assert np.ptp(step.sensitivity) < 1e-12
    words = np.append(other.word_ids(other.caption(PHOTO)), END)
    _, gradients = word_gradients(other.decoder, pool(grid)[0], words)
    assert relative_error(step.gradient.sum(axis=(0, 1)).astype(np.float32), gradients[0]) < 1e-4


def test_maps_are_of_the_gradient(explanation: Explanation) -> None:
    for step in explanation.steps:
        assert step.gradient.shape == step.grid.shape == (9, 9, 1280)
        np.testing.assert_allclose(step.sensitivity[2, 3], np.sqrt((step.gradient[2, 3] ** 2).sum()))
        np.testing.assert_allclose(step.influence[2, 3], step.gradient[2, 3] @ step.grid[2, 3])


def test_gates_are_open_between_or_closed(captioner: Captioner, explanation: Explanation) -> None:
    assert list(explanation.gates) == ["input gate", "forget gate", "output gate"]
    assert list(explain(other_cell(captioner, "gru"), PHOTO).gates) == ["reset gate", "update gate"]
    assert not explain(other_cell(captioner, "rnn"), PHOTO).gates
    units = np.array([[0.95, 0.05, 0.5, 0.99], [0.0, 0.2, 0.02, 0.91]])
    shares = replace(explanation, gate_activations={"f": units}).gates["forget gate"]
    np.testing.assert_allclose(
        [shares[name] for name in ("open", "between", "closed")], [[0.5, 0.25], [0.25] * 2, [0.25, 0.5]]
    )


def test_sentence_behind_a_class_name_is_explained(captioner: Captioner) -> None:
    sentence = captioner.caption(PHOTO)
    captioner.confidence = Confidence(0.5, (-9.0, 0.0, 0.0), (0.0, 0.0, 0.0))  # sure of nothing
    captioner.out_of_domain_classes = ("Egyptian cat",)
    assert captioner.caption(PHOTO).named
    explained = explain(captioner, PHOTO).caption
    assert not explained.named
    assert explained.words == sentence.words


def test_json_output(explanation: Explanation) -> None:
    told = json.loads(json.dumps(explanation.to_dict()))
    assert told["caption"]["caption"] == explanation.caption.text
    assert len(told["steps"]) == len(explanation.steps)
    for name in ("attention_map", "sensitivity", "influence"):
        assert np.shape(told["steps"][0][name]) == (9, 9)
    for shares in told["gates"].values():
        np.testing.assert_allclose(np.sum(list(shares.values()), axis=0), 1)
