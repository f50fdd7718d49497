from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from showtell.metrics.ngrams import MAX_N, NGrams

CAPTIONS = st.lists(st.lists(st.integers(0, 5), max_size=9), max_size=6)


def plainly(captions):
    return [
        Counter(
            (place, tuple(words[start : start + n]))
            for place, words in enumerate(captions)
            for start in range(len(words) - n + 1)
        )
        for n in range(1, MAX_N + 1)
    ]


@given(CAPTIONS, CAPTIONS)
def test_counts_are_those_of_counting_tuples(known, others):
    others = [[word + 2 for word in words] for words in others]  # words that are known and words that are not
    ngrams = NGrams(known)
    learned, counted = plainly(known), plainly(others)
    for n in range(MAX_N):
        names: dict[int, tuple[int, ...]] = {}
        for captions, found, expected in [(known, ngrams.counts[n], learned[n]), (others, ngrams.count(others)[n], counted[n])]:
            assert len(found.caption) == len(expected)
            for place, number, times in zip(*found, strict=True):
                candidates = {name for (owner, name), count in expected.items() if (owner, count) == (place, times)}
                assert candidates, "a count that is not there"
            assert sorted(found.times.tolist()) == sorted(expected.values())
            assert len(set(found.ngram.tolist())) == len({name for _, name in expected})
            del captions, names
            names = {}
        assert ngrams.sizes[n] == len({name for _, name in learned[n]})
