from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.metrics.ngrams import MAX_N, NGrams

CAPTIONS = st.lists(st.lists(st.integers(0, 5), max_size=9), max_size=6)


def counted_plainly(captions, n):
    return Counter(
        (place, tuple(words[start : start + n]))
        for place, words in enumerate(captions)
        for start in range(len(words) - n + 1)
    )


def numbers(ngrams, names, n):
    names = list(names)
    return dict(zip(names, ngrams.count(names)[n - 1].ngram.tolist(), strict=True))


@settings(max_examples=30, deadline=None)
@given(CAPTIONS)
def test_the_counts_of_the_captions_it_was_made_of(captions):
    ngrams = NGrams(captions)
    for n in range(1, MAX_N + 1):
        expected = counted_plainly(captions, n)
        names = {name for _, name in expected}
        number = numbers(ngrams, names, n)
        assert sorted(number.values()) == list(range(ngrams.sizes[n - 1]))
        found = [tuple(entry) for entry in zip(*(part.tolist() for part in ngrams.counts[n - 1]), strict=True)]
        assert found == sorted((place, number[name], times) for (place, name), times in expected.items())


@settings(max_examples=30, deadline=None)
@given(CAPTIONS, CAPTIONS)
def test_the_counts_of_other_captions(captions, others):
    others = [[word + 2 for word in words] for words in others]  # some words are new
    ngrams = NGrams(captions)
    for n, counts in enumerate(ngrams.count(others), 1):
        expected = counted_plainly(others, n)
        old = {name for _, name in counted_plainly(captions, n)}
        number = numbers(ngrams, old, n)
        found = {(place, ngram): times for place, ngram, times in zip(*(part.tolist() for part in counts), strict=True)}
        known = {entry: times for entry, times in found.items() if entry[1] < ngrams.sizes[n - 1]}
        assert known == {(place, number[name]): t for (place, name), t in expected.items() if name in old}
        new = Counter((place, times) for (place, ngram), times in found.items() if ngram >= ngrams.sizes[n - 1])
        assert new == Counter((place, times) for (place, name), times in expected.items() if name not in old)
        assert len({ngram for _, ngram in found}) == len({name for _, name in expected})


def test_counting_leaves_what_is_known_as_it_was():
    ngrams = NGrams([["a", "b"]])
    ngrams.count([["c", "a", "d"]])
    assert ngrams.sizes == [2, 1, 0, 0]
    assert ngrams.count([["c"]])[0].ngram.tolist() == [2]
