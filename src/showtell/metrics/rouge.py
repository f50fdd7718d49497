"""ROUGE-L: the longest common subsequence of a caption and a reference."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from showtell.metrics.ngrams import Floats, Tokens
from showtell.metrics.references import check_captions, check_references

_BETA = 1.2
_EMPTY = ("",)


def rouge_l(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> tuple[float, Floats]:
    """The mean ROUGE-L and that of each photo, as COCO's evaluation computes them.

    Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section 3: the F-measure, with recall weighing
    `1.2**2` times as much as precision, of the longest common subsequence. Of several references the best
    precision and the best recall count, even if they are not the same reference's. A caption without words is one
    empty word, as it is there: it equals another one.

    Args:
        candidates: the words of one caption for each of N photos.
        references: the words of each of the photo's references, any number from 1 on.

    Returns:
        The mean and float64 `(N,)`, within [0, 1].

    Raises:
        ShowtellError: not one candidate for each photo, or no references, or a string instead of words.
    """
    check_references("rouge_l", references)
    check_captions("rouge_l", candidates, len(references))
    scores = np.array([_score(*pair) for pair in zip(candidates, references, strict=True)])
    return float(scores.mean()), scores


def _score(candidate: Tokens, references: Sequence[Tokens]) -> float:
    candidate = candidate or _EMPTY
    places: dict[Hashable, int] = {}
    for place, word in enumerate(candidate):
        places[word] = places.get(word, 0) | 1 << place
    common = [_common(places, len(candidate), reference or _EMPTY) for reference in references]
    if not any(common):
        return 0.0
    precision = max(common) / len(candidate)
    recall = max(length / len(words or _EMPTY) for length, words in zip(common, references, strict=True))
    return (1 + _BETA**2) * precision * recall / (recall + _BETA**2 * precision)


def _common(places: dict[Hashable, int], length: int, words: Tokens) -> int:
    """The length of the longest common subsequence of `words` and a caption, given the places of each of its words.

    Hyyrö 2004, "Bit-parallel LCS-length computation revisited": a column of the usual table is the bits of one
    number, a 0 where the entry is one more than that above.
    """
    row = ones = (1 << length) - 1
    for word in words:
        met = row & places.get(word, 0)
        row = (row + met | row - met) & ones
    return length - row.bit_count()
