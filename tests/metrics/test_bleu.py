from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.errors import ShowtellError
from showtell.metrics.bleu import bleu

WORDS = st.lists(st.sampled_from("abcdef"), max_size=8)
PHOTOS = st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=4)), min_size=1, max_size=5)


def words(line):
    return line.split()


def test_matches_are_clipped():
    """The example of Papineni et al. 2002, section 2.1: seven times "the" has two matches."""
    references = [[words("the cat is on the mat"), words("there is a cat on the mat")]]
    corpus, _ = bleu([words("the the the the the the the")], references)
    assert corpus[0] == pytest.approx(2 / 7)
    assert corpus[1] == pytest.approx(0, abs=1e-6)


def test_a_short_candidate_pays_the_brevity_penalty():
    corpus, per_photo = bleu([words("a b c d")], [[words("a b c d e f")]])
    np.testing.assert_allclose(corpus, [math.exp(1 - 6 / 4)] * 4, rtol=1e-8)
    np.testing.assert_allclose(per_photo, [corpus], rtol=1e-12)


@pytest.mark.parametrize(
    ("lengths", "penalty"),
    [((5, 9), math.exp(1 - 5 / 4)), ((3, 5), 1), ((5, 3), 1), ((8, 6), math.exp(1 - 6 / 4)), ((4, 5), 1), ((2,), 1)],
)
def test_the_closest_reference_counts_and_of_two_the_shorter(lengths, penalty):
    references = [["a", "b", "c", "d", *"efghi"][:length] for length in lengths]
    matching = max(map(len, references))
    corpus, _ = bleu([words("a b c d")], [references])
    assert corpus[0] == pytest.approx(penalty * min(4, matching) / 4)


def test_the_corpus_is_no_mean_of_photos():
    corpus, per_photo = bleu([["a", "b"], ["c"] * 6], [[["a", "b"]], [["d"] * 6]])
    np.testing.assert_allclose(per_photo[:, 0], [1, 0], atol=1e-8)
    assert corpus[0] == pytest.approx(2 / 8)


def test_an_empty_candidate_scores_nothing():
    corpus, per_photo = bleu([[]], [[["a", "b"]]])
    np.testing.assert_array_equal(corpus, np.zeros(4))
    np.testing.assert_array_equal(per_photo, np.zeros((1, 4)))


@settings(max_examples=30, deadline=None)
@given(PHOTOS)
def test_scores_are_in_range(photos):
    corpus, per_photo = bleu([ours for ours, _ in photos], [theirs for _, theirs in photos])
    assert corpus.shape == (4,)
    assert per_photo.shape == (len(photos), 4)
    assert np.isfinite(per_photo).all()
    for values in (corpus, per_photo):
        assert (values >= 0).all()
        assert (values <= 1).all()


@settings(max_examples=30, deadline=None)
@given(PHOTOS, st.randoms())
def test_the_order_of_photos_and_references_does_not_matter(photos, random):
    corpus, per_photo = bleu([ours for ours, _ in photos], [theirs for _, theirs in photos])
    order = random.sample(range(len(photos)), len(photos))
    shuffled = [random.sample(photos[place][1], len(photos[place][1])) for place in order]
    again, again_per_photo = bleu([photos[place][0] for place in order], shuffled)
    np.testing.assert_allclose(again, corpus, rtol=1e-12)
    np.testing.assert_array_equal(again_per_photo, per_photo[order])


@settings(max_examples=30, deadline=None)
@given(PHOTOS, st.data())
def test_a_reference_as_candidate_scores_one(photos, data):
    references = [theirs for _, theirs in photos]
    candidates = [data.draw(st.sampled_from(theirs)) for theirs in references]
    _, per_photo = bleu(candidates, references)
    for candidate, values in zip(candidates, per_photo, strict=True):
        np.testing.assert_allclose(values[: len(candidate)], 1, rtol=1e-7)


@pytest.mark.parametrize(
    ("candidates", "references", "message"),
    [
        ([], [], "no photo to score"),
        ([["a"]], [[["a"]], [["a"]]], "1 candidates for 2 photos"),
        ([["a"]], [[]], "photo 0 has no reference"),
        (["a dog"], [[["a"]]], "candidate 0 is a string"),
        ([["a"]], [["a dog"]], "reference of photo 0 is a string"),
        ([["a"]], ["a dog"], "reference of photo 0 is a string"),
    ],
)
def test_unscorable_captions_are_refused(candidates, references, message):
    with pytest.raises(ShowtellError, match=message):
        bleu(candidates, references)
