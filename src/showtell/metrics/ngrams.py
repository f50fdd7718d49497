"""N-grams of words as integers, so that NumPy can count and compare them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence, Sized
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from showtell.errors import ShowtellError

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
        words = dict.fromkeys(chain.from_iterable(captions))
        self._words: dict[Hashable, int] = {word: number for number, word in enumerate(words)}
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
        known_words, new_words = self._words, dict[Hashable, int]()
        words = np.empty(len(owner), dtype=np.int64)
        for place, word in enumerate(chain.from_iterable(captions)):
            number = known_words.get(word)
            if number is None:
                number = new_words.setdefault(word, len(known_words) + len(new_words))
            words[place] = number

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
                span = len(self._codes[n]) + np.count_nonzero(~known)
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


def check_captions(who: str, candidates: Sequence[Tokens], photos: int) -> None:
    """Refuse what would give a wrong score silently.

    Raises:
        ShowtellError: no candidate, or not one for each photo, or one is a string.
    """
    if not len(candidates):
        raise ShowtellError(f"{who}: no candidate to score, expected at least one")
    if len(candidates) != photos:
        raise ShowtellError(f"{who}: {len(candidates)} candidates for {photos} photos, expected one for each")
    for place, candidate in enumerate(candidates):
        if isinstance(candidate, str):
            raise ShowtellError(f"{who}: candidate {place} is a string, expected its words: tokenize it first")


def check_references(who: str, references: Sequence[Sequence[Tokens]]) -> None:
    """Refuse references that nothing can be compared with.

    Raises:
        ShowtellError: there is no photo, a photo has no reference, or a reference is a string.
    """
    if not len(references):
        raise ShowtellError(f"{who}: no photo to score, expected at least one")
    for photo, captions in enumerate(references):
        if not len(captions):
            raise ShowtellError(f"{who}: photo {photo} has no reference, expected at least one")
        if isinstance(captions, str) or any(isinstance(caption, str) for caption in captions):
            raise ShowtellError(
                f"{who}: a reference of photo {photo} is a string, expected its words: tokenize it first"
            )
