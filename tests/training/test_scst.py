from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from decoders import fresh_decoder
from showtell.captioning.search import Hypothesis
from showtell.captioning.stepper import Stepper
from showtell.text.vocabulary import END, PAD, START, UNK, Vocabulary
from showtell.training.data import Captions
from showtell.training.scst import (
    ObjectReward,
    Reward,
    advantages,
    mask_suppressed_tokens,
    pad_captions,
    sample_captions,
)

VOCABULARY = Vocabulary(["a", "big", "black", "bird", "cat", "dog", "red", "small"])
REFERENCES = [["a small red bird", "a red bird"], ["a big black dog", "a black dog"], ["a cat"]]


def hypothesis(text: str, ended: bool = True) -> Hypothesis:
    words = tuple(VOCABULARY.encode(text))[1:-1]
    return Hypothesis(words, (0.0,) * (len(words) + ended), 0.0)


def test_reward_is_highest_for_the_reference_and_lower_if_truncated() -> None:
    texts = [hypothesis("a small red bird"), hypothesis("a small red bird", ended=False), hypothesis("a black dog")]
    whole, cut, wrong = Reward(REFERENCES, VOCABULARY).score(texts, np.array([0, 0, 0]))
    assert whole > cut > wrong
    assert Reward(REFERENCES, VOCABULARY).score(texts[2:], np.array([1]))[0] > 1


def test_advantage_is_reward_minus_mean_of_the_others() -> None:
    found = advantages(np.array([1.0, 2.0, 6.0, 0.5, 0.5, 0.5]), 3)
    np.testing.assert_allclose(found, [1 - 4, 2 - 3.5, 6 - 1.5, 0, 0, 0])


def test_pad_captions_adds_start_end_and_padding() -> None:
    captions = pad_captions([hypothesis("a red dog"), hypothesis("a dog", ended=False), hypothesis("")])
    a, red, dog = VOCABULARY.encode("a red dog")[1:-1]
    np.testing.assert_array_equal(
        captions, [[START, a, red, dog, END], [START, a, dog, PAD, PAD], [START, END, PAD, PAD, PAD]]
    )


@pytest.mark.parametrize("attention_dim", [0, 6])
def test_samples_come_photo_by_photo(attention_dim: int) -> None:
    """A decoder that is sure says the same of a photo each time, and something else of another."""
    rng = np.random.default_rng(0)
    decoder = fresh_decoder(len(VOCABULARY), 4, 8, 8, attention_dim=attention_dim, rng=rng)
    for name in ("W_proj", "W_image", "W_embed", *(() if attention_dim else ("W_vocab",))):
        decoder.params[name] *= 40
    features = rng.standard_normal((3, 5, 4) if attention_dim else (3, 4)).astype(np.float32)
    said = [h.words for h in sample_captions(decoder, features, 4, 6, np.random.default_rng(1))]
    assert len(said) == 12
    assert len(set(said)) < 12
    assert len({said[0], said[4], said[8]}) > 1


@pytest.mark.parametrize("attention_dim", [0, 6])
def test_the_gradient_is_that_of_the_expected_reward(attention_dim: int) -> None:
    """Over all captions of at most two words, as they are sampled, against a central difference."""
    rng = np.random.default_rng(2)
    decoder = fresh_decoder(len(VOCABULARY), 4, 5, 6, attention_dim=attention_dim, dtype=np.float64, rng=rng)
    features = rng.standard_normal((1, 3, 4) if attention_dim else (1, 4))
    words = [word for word in range(len(VOCABULARY)) if word not in (PAD, START, UNK, END)]
    said = [(), *((one,) for one in words), *itertools.product(words, words)]
    captions = [Hypothesis(caption, (0.0,) * min(2, len(caption) + 1), 0.0) for caption in said]
    rewards = rng.random(len(captions))

    def probabilities(params: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
        """Of each caption, step by step, suppressed tokens left out as the sampling does."""
        stepper = Stepper(decoder.with_params(params))
        first, state = stepper.step(np.array([START]), stepper.start(features))
        after, _ = stepper.step(np.array(words), state.take(np.zeros(len(words), int)))
        chances = np.exp(np.concatenate([first, after]))
        chances[:, [PAD, START, UNK]] = 0
        chances /= chances.sum(axis=1, keepdims=True)
        one = {word: 1 + row for row, word in enumerate(words)}
        return np.array(
            [
                chances[0, caption[0] if caption else END]
                * (chances[one[caption[0]], caption[1] if len(caption) > 1 else END] if caption else 1)
                for caption in said
            ]
        )

    chances = probabilities(decoder.params)
    assert chances.sum() == pytest.approx(1)
    _, grads = mask_suppressed_tokens(decoder).loss(
        features, pad_captions(captions), np.zeros(len(captions), int), weight=len(captions) * chances * rewards
    )
    for name, array in decoder.params.items():
        direction, small = rng.standard_normal(array.shape), 1e-5
        up, down = (
            probabilities(decoder.params | {name: array + sign * small * direction}) @ rewards for sign in (1, -1)
        )
        assert -np.vdot(grads[name], direction) == pytest.approx((up - down) / (2 * small), rel=1e-5, abs=1e-9), name


def test_object_reward_has_bonus_and_penalty() -> None:
    photos = Captions(
        captions=np.zeros((3, 2), int),
        photo=np.arange(3),
        references=[["a man with his pet"], ["a kitten"], ["a dog"]],
        objects=(("dog", "car"), (), None),
    )
    reward = ObjectReward(photos, bonus=0.25, penalty=1.0)
    captions = ["a man and a dog", "a cat on a sofa", "a sofa", "a cat and a cat on a sofa", "a room"]
    gains = reward.of(captions, np.array([0, 1, 2, 0, 0]))
    # of the first photo a person is known from its caption; of the last nobody said what it shows
    assert gains.tolist() == [0.5, 0.25 - 1.0, 0.0, -3.0, 0.0]
