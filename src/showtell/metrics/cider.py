"""CIDEr-D: how alike a caption's and its references' telling n-grams are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from showtell.errors import ShowtellError
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

_SIGMA = 6.0


class CiderD:
    """CIDEr-D against fixed references, whose statistics are gathered once.

    Vedantam, Zitnick, Parikh 2015, "CIDEr: Consensus-based Image Description Evaluation", section 5, as
    COCO's evaluation computes it: the clipped cosine of tf-idf vectors, 1- to 4-grams weighing the same,
    times `exp(-d**2 / 72)` with `d` the difference in length, times 10. The published scorer's length is
    the number of bigrams, so that captions of no word and of one word are equally long.

    Args:
        references: the words of each of a photo's references, any number from 1 on. Words may be strings
            or ids.
        idf_references: the references that say how rare an n-gram is, by the number of their photos that
            have it. Those of the training split, say, when single batches are scored; else `references`.

    Raises:
        ShowtellError: there are no references, or a string instead of words.
    """

    def __init__(
        self,
        references: Sequence[Sequence[Tokens]],
        idf_references: Sequence[Sequence[Tokens]] | None = None,
    ) -> None:
        check_references("CiderD", references)
        flat = list(chain.from_iterable(references))
        captions, idf_start = flat, 0
        if idf_references is not None:
            check_references("CiderD: idf_references", idf_references)
            captions, idf_start = [*flat, *chain.from_iterable(idf_references)], len(flat)
        idf_per_photo = lengths_of(references if idf_references is None else idf_references)
        idf_photo = np.repeat(np.arange(len(idf_per_photo)), idf_per_photo)

        self._per_photo = lengths_of(references)
        self._first = np.cumsum(self._per_photo) - self._per_photo
        self._bigrams = _count_bigrams(flat)
        self._ngrams = NGrams(captions)
        self._log_photos = float(np.log(float(len(idf_per_photo))))
        photo_of = np.repeat(np.arange(len(references)), self._per_photo)
        # Of each n-gram, and, as the last, of what no reference has: as if in one photo
        self._idf: list[Floats] = []
        self._norms: list[Floats] = []
        self._entries: list[_Entries] = []
        for size, found in zip(self._ngrams.sizes, self._ngrams.counts, strict=True):
            told = found.caption >= idf_start
            photo = idf_photo[found.caption[told] - idf_start]
            pairs, _ = np.unique(photo * size + found.ngram[told], return_counts=True)  # sorts; alone it is slow
            idf = self._log_photos - np.log(np.maximum(1.0, np.bincount(pairs % max(size, 1), minlength=size)))

            caption, ngram, times = (part[found.caption < len(flat)] for part in found)
            weights = times * idf[ngram]
            self._idf.append(np.append(idf, self._log_photos))
            self._norms.append(_norms(caption, weights, len(flat)))
            keys = photo_of[caption] * size + ngram
            order = np.argsort(keys, kind="stable")
            keys, starts, times = np.unique(keys[order], return_index=True, return_counts=True)
            self._entries.append(_Entries(keys, starts, times, caption[order], weights[order]))

    def score(self, candidates: Sequence[Tokens], photos: npt.ArrayLike | None = None) -> tuple[float, Floats]:
        """The mean CIDEr-D and that of each candidate, float64 `(N,)`, within [0, 10].

        Args:
            candidates: the words of N captions.
            photos: for each candidate the place of its photo in the references, int `(N,)`, repetitions
                allowed; without it candidate i belongs to photo i, and every photo has one.

        Raises:
            ShowtellError: no candidate, or not one for each photo, a photo that there is not, or a string instead of
                words.
        """
        photo = np.arange(len(self._per_photo)) if photos is None else np.asarray(photos, dtype=np.int64)
        check_captions("CiderD.score", candidates, len(photo))
        if not 0 <= photo.min() <= photo.max() < len(self._per_photo):
            raise ShowtellError(
                f"CiderD.score: photos has {photo.min()} to {photo.max()}, expected 0 to {len(self._per_photo) - 1}"
            )
        # Every candidate is paired with every reference of its photo.
        pairs = self._per_photo[photo]
        first_pair = np.cumsum(pairs) - pairs
        candidate, nth = _spread(pairs)
        reference = self._first[photo][candidate] + nth

        cosines = np.zeros(len(candidate))
        for n, found in enumerate(self._ngrams.count(candidates)):
            size = self._ngrams.sizes[n]
            weights = found.times * self._idf[n][np.minimum(found.ngram, size)]
            norms = _norms(found.caption, weights, len(candidates))

            known = np.flatnonzero(found.ngram < size)
            entries = self._entries[n]
            place, there = find(entries.keys, photo[found.caption[known]] * size + found.ngram[known])
            known, place = known[there], place[there]
            ours, nth = _spread(entries.times[place])
            entry = entries.starts[place][ours] + nth
            ours = known[ours]
            pair = (first_pair - self._first[photo])[found.caption[ours]] + entries.reference[entry]
            theirs = entries.weights[entry]
            clipped = np.minimum(weights[ours], theirs)
            products = np.bincount(pair, weights=clipped * theirs, minlength=len(candidate))
            norms = norms[candidate] * self._norms[n][reference]
            cosines += np.divide(products, norms, out=np.zeros_like(norms), where=norms > 0)

        distance = _count_bigrams(candidates)[candidate] - self._bigrams[reference]
        similarity = cosines / MAX_N * np.exp(-(distance**2) / (2 * _SIGMA**2))
        scores = 10 * np.bincount(candidate, weights=similarity, minlength=len(candidates)) / pairs
        return float(scores.mean()), scores


class _Entries(NamedTuple):
    """The n-grams of the references, of one n, in the order of (photo, n-gram, reference).

    The entries of a photo's n-gram are `times` many from `starts` on, found by its key, `photo * size + ngram`; an
    entry is a reference that has it, and its tf-idf weight there.
    """

    keys: Ints
    starts: Ints
    times: Ints
    reference: Ints
    weights: Floats


def _count_bigrams(captions: Sequence[Tokens]) -> Ints:
    return np.maximum(0, lengths_of(captions) - 1)


def _norms(caption: Ints, weights: Floats, captions: int) -> Floats:
    return np.sqrt(np.bincount(caption, weights=weights**2, minlength=captions))


def _spread(times: Ints) -> tuple[Ints, Ints]:
    """Each place of `times` that many times in a row, and the running number within its row."""
    place = np.repeat(np.arange(len(times)), times)
    return place, np.arange(len(place)) - (np.cumsum(times) - times)[place]
