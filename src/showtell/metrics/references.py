"""The references of photos, and their n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from showtell.errors import ShowtellError
from showtell.metrics.ngrams import Counts, Ints, NGrams, Tokens, lengths_of


class Entries(NamedTuple):
    """The n-grams of the references, of one n, in the order of (photo, n-gram, reference); int64.

    The entries of a photo's n-gram are found by its key, `photo * size + ngram`: they are `lengths` many from `starts`
    on. An entry is a reference that has the n-gram, and how many times.
    """

    keys: Ints
    starts: Ints
    lengths: Ints
    reference: Ints
    ngram: Ints
    times: Ints


class References:
    """The references of N photos as NumPy can compare them, made once for all scores.

    `per_photo`, int64 `(N,)`, is how many a photo has, `first` where they begin among all, `photo_of` and `lengths`
    each one's photo and number of words; `ngrams` numbers their n-grams, `entries[n - 1]` says who has which.

    Args:
        references: the words of each of a photo's references, any number from 1 on. Words may be strings or ids.
        others: captions whose n-grams get a number too.

    Raises:
        ShowtellError: there is no photo, a photo has no reference, or a reference is a string.
    """

    def __init__(self, references: Sequence[Sequence[Tokens]], others: Sequence[Tokens] = ()) -> None:
        check_references("references", references)
        flat = list(chain.from_iterable(references))
        self.per_photo = lengths_of(references)
        self.first = np.cumsum(self.per_photo) - self.per_photo
        self.photo_of = np.repeat(np.arange(len(references)), self.per_photo)
        self.lengths = lengths_of(flat)
        self.ngrams = NGrams([*flat, *others])
        self.entries = [
            self._entries(found, size) for found, size in zip(self.ngrams.counts, self.ngrams.sizes, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.per_photo)

    def _entries(self, found: Counts, size: int) -> Entries:
        caption, ngram, times = (part[found.caption < len(self.photo_of)] for part in found)
        keys = self.photo_of[caption] * size + ngram
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        lengths = np.diff(starts, append=len(keys))
        return Entries(keys[starts], starts, lengths, caption[order], ngram[order], times[order])


def check_captions(who: str, candidates: Sequence[Tokens], photos: int) -> None:
    """Raise an error for captions that would silently give a wrong score.

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
    """Raise an error for references that cannot be scored against.

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
