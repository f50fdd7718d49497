"""CIDEr-D: tf-idf-weighted n-gram similarity of a caption and its references."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from showtell.errors import ShowtellError
from showtell.metrics.ngrams import MAX_N, Floats, Ints, Tokens, find, lengths_of
from showtell.metrics.references import References, check_captions, check_references

_SIGMA = 6.0


class CiderD:
    """CIDEr-D against fixed references, whose statistics are computed once.

    Vedantam, Zitnick, Parikh 2015, "CIDEr: Consensus-based Image Description Evaluation", section 5, as
    COCO's evaluation computes it: the clipped cosine of tf-idf vectors, 1- to 4-grams weighing the same,
    times `exp(-d**2 / 72)` with `d` the difference in length, times 10. The published scorer's length is
    the number of bigrams, so that captions of no word and of one word are equally long.

    Args:
        references: the words of each of a photo's references, any number from 1 on. Words may be strings
            or ids. Or `References` made of them, without `idf_references`.
        idf_references: the references that say how rare an n-gram is, by the number of their photos that
            have it. Those of the training split, say, when single batches are scored; else `references`.

    Raises:
        ShowtellError: there are no references, or a string instead of words, or `References` with `idf_references`.
    """

    def __init__(
        self,
        references: Sequence[Sequence[Tokens]] | References,
        idf_references: Sequence[Sequence[Tokens]] | None = None,
    ) -> None:
        if isinstance(references, References):
            if idf_references is not None:
                raise ShowtellError("CiderD: idf_references go with references as words, not with References of them")
            self._references = references
        elif idf_references is None:
            self._references = References(references)
        else:
            check_references("idf_references", idf_references)
            self._references = References(references, list(chain.from_iterable(idf_references)))
        known = self._references
        self._bigrams = _count_bigrams(known.lengths)
        self._log_photos = float(np.log(len(known if idf_references is None else idf_references)))
        # Of each n-gram, and, as the last, of what no reference has: as if in one photo
        self._idf: list[Floats] = []
        self._weights: list[Floats] = []  # tf-idf, of each of the references' entries
        self._norms: list[Floats] = []
        for n, (size, entries) in enumerate(zip(known.ngrams.sizes, known.entries, strict=True)):
            keys = entries.keys if idf_references is None else self._idf_keys(n, idf_references)
            photos = np.bincount(keys % max(size, 1), minlength=size)
            idf = self._log_photos - np.log(np.maximum(1.0, photos))
            weights = entries.times * idf[entries.ngram]
            self._idf.append(np.append(idf, self._log_photos))
            self._weights.append(weights)
            self._norms.append(_norms(entries.reference, weights, len(known.lengths)))

    def _idf_keys(self, n: int, idf_references: Sequence[Sequence[Tokens]]) -> Ints:
        """`photo * size + ngram` of every pair of a photo and an n-gram that a reference of its has."""
        per_photo = lengths_of(idf_references)
        photo_of = np.repeat(np.arange(len(per_photo)), per_photo)
        found, own = self._references.ngrams.counts[n], len(self._references.lengths)
        told = found.caption >= own
        pairs = photo_of[found.caption[told] - own] * self._references.ngrams.sizes[n] + found.ngram[told]
        return np.unique(pairs)

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
        known = self._references
        photo = np.arange(len(known)) if photos is None else np.asarray(photos, dtype=np.int64)
        check_captions("CiderD.score", candidates, len(photo))
        if not 0 <= photo.min() <= photo.max() < len(known):
            raise ShowtellError(
                f"CiderD.score: photos has {photo.min()} to {photo.max()}, expected 0 to {len(known) - 1}"
            )
        # Every candidate is paired with every reference of its photo.
        pairs = known.per_photo[photo]
        first_pair = np.cumsum(pairs) - pairs
        candidate, nth = _spread(pairs)
        reference = known.first[photo][candidate] + nth
        first_pair -= known.first[photo]

        cosines = np.zeros(len(candidate))
        for n, (found, entries) in enumerate(zip(known.ngrams.count(candidates), known.entries, strict=True)):
            size = known.ngrams.sizes[n]
            weights = found.times * self._idf[n][np.minimum(found.ngram, size)]
            norms = _norms(found.caption, weights, len(candidates))

            shared = np.flatnonzero(found.ngram < size)
            place, there = find(entries.keys, photo[found.caption[shared]] * size + found.ngram[shared])
            shared, place = shared[there], place[there]
            ours, nth = _spread(entries.lengths[place])
            entry = entries.starts[place][ours] + nth
            ours = shared[ours]
            pair = first_pair[found.caption[ours]] + entries.reference[entry]
            theirs = self._weights[n][entry]
            products = np.minimum(weights[ours], theirs) * theirs
            products = np.bincount(pair, weights=products, minlength=len(candidate))
            norms = norms[candidate] * self._norms[n][reference]
            cosines += np.divide(products, norms, out=np.zeros_like(norms), where=norms > 0)

        distance = _count_bigrams(lengths_of(candidates))[candidate] - self._bigrams[reference]
        similarity = cosines / MAX_N * np.exp(-(distance**2) / (2 * _SIGMA**2))
        scores = 10 * np.bincount(candidate, weights=similarity, minlength=len(candidates)) / pairs
        return float(scores.mean()), scores


def _count_bigrams(lengths: Ints) -> Ints:
    return np.maximum(0, lengths - 1)


def _norms(caption: Ints, weights: Floats, captions: int) -> Floats:
    return np.sqrt(np.bincount(caption, weights=weights**2, minlength=captions))


def _spread(times: Ints) -> tuple[Ints, Ints]:
    """Each place of `times` that many times in a row, and the running number within its row."""
    place = np.repeat(np.arange(len(times)), times)
    return place, np.arange(len(place)) - (np.cumsum(times) - times)[place]
