from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.errors import ShowtellError
from showtell.metrics.rouge import rouge_l

WORDS = st.lists(st.sampled_from("abcd"), max_size=8)
PHOTOS = st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=4)), min_size=1, max_size=5)


def common(one, other):
    """The length of the longest common subsequence, by its definition."""
    if not one or not other:
        return 0
    if one[-1] == other[-1]:
        return 1 + common(one[:-1], other[:-1])
    return max(common(one[:-1], other), common(one, other[:-1]))


def plainly(candidate, references):
    candidate, references = candidate or [""], [reference or [""] for reference in references]
    precision = max(common(candidate, reference) / len(candidate) for reference in references)
    recall = max(common(candidate, reference) / len(reference) for reference in references)
    return (1 + 1.44) * precision * recall / (recall + 1.44 * precision) if recall else 0


@settings(max_examples=40, deadline=None)
@given(PHOTOS)
def test_it_is_the_paper_s_formula(photos):
    mean, scores = rouge_l([candidate for candidate, _ in photos], [references for _, references in photos])
    np.testing.assert_allclose(scores, [plainly(*photo) for photo in photos], rtol=1e-12)
    assert mean == pytest.approx(scores.mean())


def test_precision_and_recall_may_be_of_different_references():
    _, [score] = rouge_l([["a", "b"]], [[["a"], ["a", "b", "c", "d"]]])
    assert score == pytest.approx(1)  # all words are in the second, the first is in it wholly


def test_order_counts():
    _, scores = rouge_l([["a", "b", "c"]] * 2, [[["a", "b", "c"]], [["c", "b", "a"]]])
    assert scores.tolist() == pytest.approx([1, 1 / 3])


def test_without_words():
    _, scores = rouge_l([[], [], ["a"]], [[["a"]], [[], ["a"]], [[]]])
    assert scores.tolist() == [0, 1, 0]


def test_more_words_than_a_machine_s_number_has_bits():
    words = [*"abcdefgh"] * 30
    assert rouge_l([words], [[words[:-1]]])[1] == pytest.approx(plainly_long(239, 240, 239))


def plainly_long(common, ours, theirs):
    precision, recall = common / ours, common / theirs
    return 2.44 * precision * recall / (recall + 1.44 * precision)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rouge_l([], []), "no photo"),
        (lambda: rouge_l([["a"]], [[["a"]], [["b"]]]), "1 candidates for 2 photos"),
        (lambda: rouge_l([["a"]], [[]]), "photo 0 has no reference"),
        (lambda: rouge_l(["a dog"], [[["a"]]]), "candidate 0 is a string"),
        (lambda: rouge_l([["a"]], [["a dog"]]), "is a string"),
    ],
)
def test_unscorable_captions_are_refused(call, message):
    with pytest.raises(ShowtellError, match=message):
        call()
