from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.errors import ShowtellError
from showtell.metrics.cider import CiderD
from showtell.metrics.references import References

WORDS = st.lists(st.sampled_from("abcdef"), max_size=8)
REFERENCES = st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=5)
UNLIKE = [[["a", "dog", "runs", "very", "fast"]], [["two", "cats", "sit", "on", "roofs"]], [["it", "rains"]]]


def plainly(candidates, references, idf_references):
    """CIDEr-D word by word as the paper's section 5 writes it, with the published scorer's length."""

    def ngrams(words, n):
        return Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))

    scores = []
    for candidate, captions in zip(candidates, references, strict=True):
        score = 0.0
        for n in range(1, 5):
            photos = Counter(name for photo in idf_references for name in {g for c in photo for g in ngrams(c, n)})

            def vector(words, n=n, photos=photos):
                counts = ngrams(words, n)
                return {g: tf * math.log(len(idf_references) / max(1, photos[g])) for g, tf in counts.items()}

            ours = vector(candidate)
            for caption in captions:
                theirs = vector(caption)
                norm = math.hypot(*ours.values()) * math.hypot(*theirs.values())
                dot = sum(min(weight, theirs.get(g, 0)) * theirs.get(g, 0) for g, weight in ours.items())
                distance = max(0, len(candidate) - 1) - max(0, len(caption) - 1)
                score += 10 / 4 / len(captions) * (dot / norm if norm else 0) * math.exp(-(distance**2) / (2 * 6**2))
        scores.append(score)
    return scores


@settings(max_examples=30, deadline=None)
@given(st.data(), REFERENCES)
def test_it_is_the_paper_s_formula(data, references):
    candidates = [data.draw(WORDS) for _ in references]
    mean, scores = CiderD(references).score(candidates)
    np.testing.assert_allclose(scores, plainly(candidates, references, references), rtol=1e-9, atol=1e-12)
    assert mean == pytest.approx(scores.mean())
    assert scores.min() >= 0
    assert scores.max() <= 10 + 1e-9


@settings(max_examples=30, deadline=None)
@given(st.data(), REFERENCES, REFERENCES)
def test_idf_of_other_references(data, references, idf_references):
    candidates = [data.draw(WORDS) for _ in references]
    _, scores = CiderD(references, idf_references).score(candidates)
    np.testing.assert_allclose(scores, plainly(candidates, references, idf_references), rtol=1e-9, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.data(), REFERENCES)
def test_some_photos_again_and_again(data, references):
    scorer = CiderD(references)
    photos = data.draw(st.lists(st.integers(0, len(references) - 1), min_size=1, max_size=8))
    candidates = [data.draw(WORDS) for _ in photos]
    _, scores = scorer.score(candidates, photos)
    for photo, candidate, score in zip(photos, candidates, scores, strict=True):
        alone = [candidate if place == photo else [] for place in range(len(references))]
        assert scorer.score(alone)[1][photo] == pytest.approx(score, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.data(), REFERENCES)
def test_the_order_of_photos_and_references_does_not_matter(data, references):
    candidates = [data.draw(WORDS) for _ in references]
    order = data.draw(st.permutations(range(len(references))))
    _, scores = CiderD(references).score(candidates)
    _, again = CiderD([references[place][::-1] for place in order]).score([candidates[place] for place in order])
    np.testing.assert_allclose(again, scores[order], rtol=1e-12)


def test_exact_reference_scores_ten():
    _, scores = CiderD(UNLIKE).score([captions[0] for captions in UNLIKE])
    np.testing.assert_allclose(scores, [10, 10, 5], rtol=1e-12)  # two words have no 3- and 4-grams


def test_nothing_in_common_scores_zero():
    _, scores = CiderD(UNLIKE).score([["zebra"], [], ["a", "dog"]])
    np.testing.assert_array_equal(scores, 0)


def test_ngrams_of_every_photo_have_no_weight():
    scorer = CiderD([[["the", "cat"]], [["the", "dog"]]])
    assert scorer.score([["the"], ["the"]])[0] == 0
    assert scorer.score([["cat"], ["cat"]])[1].tolist() == [pytest.approx(2.5 * math.exp(-1 / 72)), 0]


def test_repeating_a_word_does_not_help():
    scorer = CiderD(UNLIKE)
    _, once = scorer.score([["dog", "x"], [], []])
    _, thrice = scorer.score([["dog", "dog"], [], []])
    assert thrice[0] < once[0] * 1.5


def test_ids_do_as_words_do():
    ids = [[[hash(word) for word in caption] for caption in captions] for captions in UNLIKE]
    _, scores = CiderD(ids).score([captions[0] for captions in ids])
    np.testing.assert_allclose(scores, [10, 10, 5], rtol=1e-12)


def test_it_scores_the_same_again():
    scorer = CiderD(UNLIKE)
    candidates = [["a", "dog", "sits"], ["two", "new", "words"], ["rains"]]
    first = scorer.score(candidates)[1]
    scorer.score([["other", "words"]], [0])
    np.testing.assert_array_equal(scorer.score(candidates)[1], first)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CiderD([]), "no photo"),
        (lambda: CiderD([[["a"]], []]), "photo 1 has no reference"),
        (lambda: CiderD([["a dog"]]), "is a string"),
        (lambda: CiderD(UNLIKE, []), "idf_references: no photo"),
        (lambda: CiderD(References(UNLIKE), UNLIKE), "not with References"),
        (lambda: CiderD(UNLIKE).score([["a"]]), "1 candidates for 3 photos"),
        (lambda: CiderD(UNLIKE).score(["a"], [0]), "candidate 0 is a string"),
        (lambda: CiderD(UNLIKE).score([["a"]], [3]), "3 to 3, expected 0 to 2"),
        (lambda: CiderD(UNLIKE).score([["a"]], [-1]), "-1 to -1, expected 0 to 2"),
        (lambda: CiderD(UNLIKE).score([], []), "no candidate"),
    ],
)
def test_unscorable_captions_are_refused(call, message):
    with pytest.raises(ShowtellError, match=message):
        call()
