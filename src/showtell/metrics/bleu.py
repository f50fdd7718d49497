"""BLEU: how many of a caption's n-grams some reference has."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from showtell.metrics.ngrams import (
    MAX_N,
    Floats,
    Ints,
    NGrams,
    Tokens,
    check_captions,
    check_references,
    find,
    lengths_of,
)

# What COCO's evaluation adds to matches and n-grams so that nothing is divided by zero.
_TINY = 1e-15
_SMALL = 1e-9


def bleu(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> tuple[Floats, Floats]:
    """BLEU-1 to BLEU-4 of the whole corpus and of each photo, as COCO's evaluation computes them.

    Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation", with the
    reference length that is closest to the candidate's (the shorter of two equally close ones).

    Args:
        candidates: the words of one caption for each of N photos.
        references: the words of each of the photo's references, any number from 1 on.

    Returns:
        float64 `(4,)` for the corpus, which is no mean of the photos', and float64 `(N, 4)`; within [0, 1].

    Raises:
        ShowtellError: not one candidate for each photo, or no references, or a string instead of words.
    """
    check_references("bleu", references)
    check_captions("bleu", candidates, len(references))
    flat = list(chain.from_iterable(references))
    per_photo = lengths_of(references)
    photo_of = np.repeat(np.arange(len(references)), per_photo)
    first = np.cumsum(per_photo) - per_photo

    length = lengths_of(candidates)
    distance = np.abs(lengths_of(flat) - length[photo_of])
    longest = 1 + max(map(len, flat))
    closest = np.minimum.reduceat(distance * longest + lengths_of(flat), first) % longest

    ngrams = NGrams(flat)
    matches = np.zeros((len(candidates), MAX_N))
    for n, (ours, theirs) in enumerate(zip(ngrams.count(candidates), ngrams.counts, strict=True)):
        size = ngrams.sizes[n]
        keys = photo_of[theirs.caption] * size + theirs.ngram
        order = np.argsort(keys, kind="stable")
        keys, starts = np.unique(keys[order], return_index=True)
        most = np.maximum.reduceat(theirs.times[order], starts) if len(starts) else theirs.times
        known = ours.ngram < size
        place, hit = find(keys, ours.caption[known] * size + ours.ngram[known])
        clipped = np.minimum(ours.times[known][hit], most[place[hit]])
        matches[:, n] = np.bincount(ours.caption[known][hit], weights=clipped, minlength=len(candidates))
    guesses = np.maximum(0, length[:, None] - np.arange(MAX_N))

    corpus = _bleu(matches.sum(0), guesses.sum(0), length.sum(), closest.sum())
    return corpus, _bleu(matches, guesses, length, closest)


def _bleu(matches: Floats, guesses: Ints, length: Ints, reference_length: Ints) -> Floats:
    """The geometric means of the precisions up to each n, times the brevity penalty; `(..., 4)`."""
    precisions = (matches + _TINY) / (guesses + _SMALL)
    means = np.cumprod(precisions, axis=-1) ** (1 / np.arange(1, MAX_N + 1))
    ratio = (length + _TINY) / (reference_length + _SMALL)
    penalty = np.exp(np.minimum(0.0, 1 - 1 / ratio))
    return means * penalty[..., None]
