"""N-grams of words as integers, so that NumPy can count and compare them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence, Sized
from itertools import chain, count
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Tokens = Sequence[Hashable]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MAX_N = 4
_MAX_WORDS = 1 << 31  # an n-gram's code is that of its first n - 1 words and its last word, in 63 bits


class Counts(NamedTuple):
    """How often which n-gram, of one n, is in which caption: three arrays of one length, int64.

    They are sorted by caption, then by n-gram, and hold no pair twice.
    """

    caption: Ints
    ngram: Ints
    times: Ints


class NGrams:
    """The 1- to 4-grams of some captions, numbered for each n from 0.

    `counts[n - 1]` are the n-grams of those captions; `sizes[n - 1]` is how many different ones there are.
    """

    def __init__(self, captions: Sequence[Tokens]) -> None:
        self._words: dict[Hashable, int] = {}
        self._codes: list[Ints] = []
        self.counts = self._count(captions, learn=True)
        self.sizes = [len(codes) for codes in self._codes]

    def count(self, captions: Sequence[Tokens]) -> list[Counts]:
        """Count the n-grams of other captions; one that is not known has a number from `sizes[n - 1]` on."""
        return self._count(captions, learn=False)

    def _count(self, captions: Sequence[Tokens], learn: bool) -> list[Counts]:
        lengths = lengths_of(captions)
        owner = np.repeat(np.arange(len(captions)), lengths)
        words_left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(owner))
        known_words, new = self._words, count(len(self._words))
        every = dict.fromkeys(chain.from_iterable(captions))
        numbers_of = {word: known_words[word] if word in known_words else next(new) for word in every}
        if learn:
            self._words = numbers_of
        named = map(numbers_of.__getitem__, chain.from_iterable(captions))
        words = np.fromiter(named, dtype=np.int64, count=len(owner))

        result = []
        ngrams = np.zeros_like(words)  # the numbers of the n-grams that start at each word
        for n in range(MAX_N):
            starts = np.flatnonzero(words_left > n)
            codes = ngrams[starts] * _MAX_WORDS + words[starts + n]
            codes, place = np.unique(codes, return_inverse=True)
            if learn:
                self._codes.append(codes)
                numbers, span = place, len(codes)
            else:
                number, known = find(self._codes[n], codes)
                span = len(self._codes[n]) + int(np.count_nonzero(~known))
                number[~known] = np.arange(len(self._codes[n]), span)
                numbers = number[place]
            ngrams[starts] = numbers
            pairs, times = np.unique(owner[starts] * span + numbers, return_counts=True)
            result.append(Counts(*np.divmod(pairs, max(span, 1)), times))
        return result


def find(sorted_values: Ints, wanted: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """The places of `wanted` in `sorted_values`, and which of them are there at all."""
    if not len(sorted_values):
        return np.zeros_like(wanted), np.zeros(len(wanted), dtype=bool)
    places = np.searchsorted(sorted_values, wanted)
    return places, sorted_values.take(places, mode="clip") == wanted


def lengths_of(sequences: Sequence[Sized]) -> Ints:
    """How many words each caption has, or how many references each photo, int64 `(N,)`."""
    return np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
