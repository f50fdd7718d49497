from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from showtell.captioning.search import MAX_WIDTH, Hypothesis, beam, diverse, greedy, sample
from showtell.errors import ShowtellError
from showtell.text.vocabulary import END, PAD, START, UNK

V = 7
WORDS = range(4, V)


@dataclass(frozen=True)
class TableState:
    """The photos' features and the words before the last ones."""

    features: np.ndarray
    before: np.ndarray

    def __len__(self):
        return len(self.features)

    def take(self, rows):
        return TableState(self.features[rows], self.before[rows])


class TableDecoder:
    """A word's probability depends on the photo and on the two words before it: three tables, drawn from a seed."""

    vocab_size = V

    def __init__(self, seed: int = 0, sharpness: float = 2.0) -> None:
        rng = np.random.default_rng(seed)
        self.first = sharpness * rng.standard_normal((V, V))
        self.second = sharpness * rng.standard_normal((V, V))
        self.photo = rng.standard_normal((4, V))

    def start(self, features):
        return TableState(features, np.full(len(features), START))

    def step(self, words, state):
        scores = self.first[words] + self.second[state.before] + state.features @ self.photo
        scores = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return scores, TableState(state.features, np.array(words))

    def best(self, words, state, count, suppressed=()):
        log_probs, state = self.step(words, state)
        allowed = np.setdiff1d(np.arange(V), suppressed)
        ids = allowed[np.argsort(-log_probs[:, allowed], axis=1, kind="stable")[:, :count]]
        return np.take_along_axis(log_probs, ids, axis=1), ids, state


def trace(decoder: TableDecoder, photo: np.ndarray, words: tuple[int, ...]) -> list[float]:
    """The log-probabilities of given words, one step at a time."""
    state, last, found = decoder.start(photo[None]), START, []
    for word in words:
        log_probs, state = decoder.step(np.array([last]), state)
        found.append(float(log_probs[0, word]))
        last = word
    return found


def every_sentence(max_words: int):
    for length in range(max_words):
        yield from ((*words, END) for words in product(WORDS, repeat=length))
    yield from product(WORDS, repeat=max_words)


def best_by_force(decoder, photo, length_penalty, max_words, count, once=()) -> list[tuple[float, tuple[int, ...]]]:
    ranked = [
        (sum(trace(decoder, photo, words)) / len(words) ** length_penalty, tuple(w for w in words if w != END))
        for words in every_sentence(max_words)
        if all(words.count(word) <= 1 for word in once)
    ]
    return sorted(ranked, reverse=True)[:count]


@pytest.fixture
def photos() -> np.ndarray:
    return np.random.default_rng(5).standard_normal((6, 4))


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_the_best_sentences_that_there_are(photos, seed, length_penalty):
    decoder = TableDecoder(seed)
    for photo, found in zip(photos, beam(decoder, photos, 50, length_penalty, max_words=4), strict=True):
        expected = best_by_force(decoder, photo, length_penalty, 4, 50)
        assert [h.words for h in found] == [words for _, words in expected]
        np.testing.assert_allclose([h.score for h in found], [score for score, _ in expected])


@pytest.mark.parametrize("once", [(4,), (5, 6), tuple(WORDS)])
def test_a_wide_beam_repeats_only_repeatable_words(photos, once):
    decoder = TableDecoder(1)
    repeatable_words = ~np.isin(np.arange(V), once)
    for photo, found in zip(
        photos, beam(decoder, photos, 50, max_words=4, repeatable_words=repeatable_words), strict=True
    ):
        expected = best_by_force(decoder, photo, 0.7, 4, 50, once)
        assert [h.words for h in found] == [words for _, words in expected]


@given(width=st.integers(1, 4), seed=st.integers(0, 50), max_words=st.integers(1, 8))
def test_where_no_word_is_repeatable_there_is_still_a_sentence(width, seed, max_words):
    features = np.random.default_rng(seed).standard_normal((2, 4))
    for found in beam(TableDecoder(seed), features, width, max_words=max_words, repeatable_words=np.zeros(V, bool)):
        assert 1 <= len(found) <= width
        assert all(len(set(h.words)) == len(h.words) for h in found)


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_photos_do_not_touch_each_other(photos, width):
    decoder = TableDecoder(1)
    together = beam(decoder, photos, width, max_words=8)
    alone = [beam(decoder, photo[None], width, max_words=8)[0] for photo in photos]
    for ours, theirs in zip(together, alone, strict=True):
        assert [h.words for h in ours] == [h.words for h in theirs]
        np.testing.assert_allclose([h.score for h in ours], [h.score for h in theirs])
    said = [h.words for h in greedy(decoder, photos)]
    assert said == [greedy(decoder, photo[None])[0].words for photo in photos]


def test_a_trace_is_the_decoders_own(photos):
    decoder = TableDecoder(2)
    found = [h for hypotheses in beam(decoder, photos, 3, max_words=5) for h in hypotheses]
    found += greedy(decoder, photos, max_words=5) + sample(decoder, photos, np.random.default_rng(0), max_words=5)
    each = [*np.repeat(np.arange(6), 3), *range(6), *range(6)]
    for photo, hypothesis in zip(each, found, strict=True):
        ended = len(hypothesis.word_log_probs) == len(hypothesis.words) + 1
        assert ended or len(hypothesis.words) == 5
        words = (*hypothesis.words, END) if ended else hypothesis.words
        np.testing.assert_allclose(hypothesis.word_log_probs, trace(decoder, photos[photo], words))
        assert hypothesis.log_prob == pytest.approx(sum(hypothesis.word_log_probs))


class EagerDecoder(TableDecoder):
    """One that would rather say `<unk>`, `<pad>` and `<start>` than a word."""

    def step(self, words, state):
        log_probs, state = super().step(words, state)
        log_probs[:, [PAD, START, UNK]] += 10
        return log_probs, state


def test_what_is_no_word_is_never_said(photos):
    decoder, rng = EagerDecoder(3), np.random.default_rng(0)
    said = [*greedy(decoder, photos), *sample(decoder, photos, rng)]
    said += [h for hypotheses in beam(decoder, photos, 4) for h in hypotheses]
    assert all(word in WORDS for hypothesis in said for word in hypothesis.words)


def test_greedy_takes_the_likeliest_word(photos):
    decoder = TableDecoder(4)
    for photo, hypothesis in zip(photos, greedy(decoder, photos, max_words=6), strict=True):
        state, last, words = decoder.start(photo[None]), START, []
        for _ in range(6):
            log_probs, state = decoder.step(np.array([last]), state)
            last = int(max([END, *WORDS], key=lambda word: log_probs[0, word]))
            if last == END:
                break
            words.append(last)
        assert hypothesis.words == tuple(words)


def test_samples_come_as_often_as_they_are_likely():
    decoder, count = TableDecoder(5, sharpness=1.0), 20_000
    photo = np.zeros((1, 4))
    drawn = sample(decoder, np.repeat(photo, count, axis=0), np.random.default_rng(0), max_words=1)
    log_probs, _ = decoder.step(np.array([START]), decoder.start(photo))
    allowed = [END, *WORDS]
    expected = np.exp(log_probs[0, allowed]) / np.exp(log_probs[0, allowed]).sum()
    seen = [sum(h.words == (() if word == END else (word,)) for h in drawn) / count for word in allowed]
    np.testing.assert_allclose(seen, expected, atol=4 * np.sqrt(0.25 / count))


def test_a_low_temperature_is_greedy(photos):
    decoder = TableDecoder(6)
    cold = sample(decoder, photos, np.random.default_rng(1), temperature=1e-6)
    assert [h.words for h in cold] == [h.words for h in greedy(decoder, photos)]


def test_the_same_seed_draws_the_same(photos):
    decoder = TableDecoder(7)
    first, second = (sample(decoder, photos, np.random.default_rng(9)) for _ in range(2))
    assert first == second
    assert first != sample(decoder, photos, np.random.default_rng(10))


@given(width=st.integers(1, 4), seed=st.integers(0, 50), max_words=st.integers(1, 6))
def test_a_beams_sentences_are_ranked_and_differ(width, seed, max_words):
    features = np.random.default_rng(seed).standard_normal((2, 4))
    for hypotheses in beam(TableDecoder(seed), features, width, max_words=max_words):
        scores = [h.score for h in hypotheses]
        assert 1 <= len(hypotheses) <= width
        assert scores == sorted(scores, reverse=True)
        assert len({h.words for h in hypotheses}) == len(hypotheses)
        assert all(len(h.words) <= max_words for h in hypotheses)


def test_no_photo_no_sentence():
    none = np.zeros((0, 4))
    decoder = TableDecoder()
    assert beam(decoder, none) == []
    assert greedy(decoder, none) == []
    assert sample(decoder, none, np.random.default_rng(0)) == []


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"max_words": 0}, {"length_penalty": -1.0}, {"length_penalty": float("nan")}]
)
def test_a_setting_out_of_range_is_named(photos, wrong):
    with pytest.raises(ShowtellError, match=next(iter(wrong))):
        beam(TableDecoder(), photos, **wrong)


def test_a_temperature_out_of_range_is_named(photos):
    with pytest.raises(ShowtellError, match="temperature is 0"):
        sample(TableDecoder(), photos, np.random.default_rng(0), temperature=0)


def test_log_prob_is_the_sum_of_the_words():
    assert Hypothesis((4, 5), (-1.0, -0.5, -0.25), -1.0).log_prob == -1.75


@given(seed=st.integers(0, 1000), penalty=st.sampled_from([0.5, 2.0, 50.0]))
def test_each_of_several_is_the_best_that_avoids_the_words_before_it(seed: int, penalty: float) -> None:
    decoder, photos = TableDecoder(seed), np.eye(4)[:2]
    repeatable_words = np.isin(np.arange(V), [4, END])
    found = diverse(
        decoder,
        photos,
        3,
        width=100,
        length_penalty=1.0,
        max_words=3,
        repeatable_words=repeatable_words,
        penalty=penalty,
    )
    for photo, (first, *others) in zip(photos, found, strict=True):
        expected = best_by_force(decoder, photo, 1.0, 3, 1, once=(5, 6))[0]
        assert (first.score, first.words) == (pytest.approx(expected[0]), expected[1])
        known = {first.words}
        for other in others:
            avoided = {word for words in known for word in words} - {4}
            ranked = [
                (sum(trace(decoder, photo, words)) - penalty * sum(word in avoided for word in words)) / len(words)
                for words in every_sentence(3)
                if all(words.count(word) <= 1 for word in (5, 6))
            ]
            assert other.score == pytest.approx(max(ranked))
            assert other.words not in known
            own = trace(decoder, photo, (*other.words, *([END] if other.ended else [])))
            assert other.word_log_probs == pytest.approx(own)
            known.add(other.words)


@given(seed=st.integers(0, 1000))
def test_words_that_cost_fall_behind_by_what_they_cost(seed: int) -> None:
    decoder, photos = TableDecoder(seed), np.eye(4)[:2]
    costs = np.zeros((2, V))
    costs[0, 4], costs[1, 5] = 1.5, 50.0
    found = beam(decoder, photos, width=100, length_penalty=1.0, max_words=3, costs=costs)
    for photo, own, (best, *_) in zip(photos, costs, found, strict=True):
        ranked = [
            (sum(trace(decoder, photo, words)) - sum(own[word] for word in words)) / len(words)
            for words in every_sentence(3)
        ]
        assert best.score == pytest.approx(max(ranked))
        own_trace = trace(decoder, photo, (*best.words, *([END] if best.ended else [])))
        assert best.word_log_probs == pytest.approx(own_trace)  # the decoder's own, whatever a word costs


def test_without_a_penalty_nothing_else_is_found() -> None:
    decoder, photos = TableDecoder(1), np.eye(4)
    found = diverse(decoder, photos, 4, penalty=0.0)
    assert [[h.words for h in of_photo] for of_photo in found] == [
        [h.words for h in of_photo[:1]] for of_photo in beam(decoder, photos)
    ]


@pytest.mark.parametrize(
    "wrong", [{"num_captions": 0}, {"num_captions": 2, "penalty": -1.0}, {"num_captions": 2, "width": 0}]
)
def test_diverse_checks_its_arguments(wrong: dict[str, float]) -> None:
    with pytest.raises(ShowtellError, match="expected at least"):
        diverse(TableDecoder(), np.eye(4), **wrong)


@pytest.mark.parametrize("width", [0, False, -1, 1.5, "3", None, MAX_WIDTH + 1, 10**9])
def test_a_width_that_is_none_is_refused(photos, width):
    with pytest.raises(ShowtellError, match=r"beam: width is .*, expected"):
        beam(TableDecoder(), photos, width)


@pytest.mark.parametrize("temperature", [0, -1, float("inf"), float("nan")])
def test_a_temperature_that_is_none_is_refused(photos, temperature):
    with pytest.raises(ShowtellError, match=r"temperature is .*, expected a finite number above 0"):
        sample(TableDecoder(), photos, np.random.default_rng(0), temperature)


@pytest.mark.parametrize("power", [300.0, 1e300, float("inf")])
def test_any_power_of_the_length_ranks(photos, power):
    for found in beam(TableDecoder(), photos, 3, power, max_words=20):
        assert found


def test_no_search_is_made_for_a_photo_that_has_no_other_sentence(photos):
    class Counting(TableDecoder):
        searched = 0

        def start(self, features):
            self.searched += len(features)
            return super().start(features)

    found = diverse(decoder := Counting(), photos, 1000, max_words=3)
    expected = diverse(TableDecoder(), photos, 30, max_words=3)
    assert [[said.words for said in of_photo] for of_photo in found] == [
        [said.words for said in of_photo] for of_photo in expected
    ]
    assert decoder.searched == sum(map(len, found)) + len(photos)  # a photo's last search finds nothing new


def test_probabilities_that_are_no_numbers_are_an_error(photos):
    photos[2] = np.nan
    with pytest.raises(ShowtellError, match="the probabilities for photo 2 are not finite"):
        beam(TableDecoder(), photos)
