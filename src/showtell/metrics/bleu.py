"""BLEU: the share of a caption's n-grams that a reference has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from showtell.metrics.ngrams import MAX_N, Floats, Tokens, find, lengths_of
from showtell.metrics.references import References, check_captions

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
        float64 `(4,)` for the corpus, which is not the mean over the photos, and float64 `(N, 4)`; within [0, 1].

    Raises:
        ShowtellError: not one candidate for each photo, or no references, or a string instead of words.
    """
    counts = bleu_counts(candidates, References(references))
    return bleu_of(counts.sum(0)), bleu_of(counts)


def bleu_counts(candidates: Sequence[Tokens], references: References) -> Floats:
    """What BLEU is computed of; of a set of photos it is the sum over them.

    Returns:
        float64 `(N, 10)`: a candidate's 1- to 4-grams that a reference has; all its 1- to 4-grams; its length; the
        closest reference's length.

    Raises:
        ShowtellError: not one candidate for each photo, or a string instead of words.
    """
    check_captions("bleu", candidates, len(references))
    length = lengths_of(candidates)
    distance = np.abs(references.lengths - length[references.photo_of])
    longest = 1 + references.lengths.max()
    closest = np.minimum.reduceat(distance * longest + references.lengths, references.first) % longest

    matches = np.zeros((len(candidates), MAX_N))
    found = references.ngrams.count(candidates)
    for n, (ours, theirs) in enumerate(zip(found, references.entries, strict=True)):
        size = references.ngrams.sizes[n]
        most = np.maximum.reduceat(theirs.times, theirs.starts) if len(theirs.starts) else theirs.times
        known = ours.ngram < size
        place, hit = find(theirs.keys, ours.caption[known] * size + ours.ngram[known])
        clipped = np.minimum(ours.times[known][hit], most[place[hit]])
        matches[:, n] = np.bincount(ours.caption[known][hit], weights=clipped, minlength=len(candidates))
    guesses = np.maximum(0, length[:, None] - np.arange(MAX_N))
    return np.hstack([matches, guesses, length[:, None], closest[:, None]])


def bleu_of(counts: Floats) -> Floats:
    """BLEU-1 to BLEU-4 from counts as `bleu_counts` gives them, `(..., 10)`, or from sums of them; `(..., 4)`."""
    matches, guesses, (length, closest) = counts[..., :4], counts[..., 4:8], np.moveaxis(counts[..., 8:], -1, 0)
    precisions = (matches + _TINY) / (guesses + _SMALL)
    means = np.cumprod(precisions, axis=-1) ** (1 / np.arange(1, MAX_N + 1))
    ratio = (length + _TINY) / (closest + _SMALL)
    penalty = np.exp(np.minimum(0.0, 1 - 1 / ratio))
    result: Floats = means * penalty[..., None]
    return result
