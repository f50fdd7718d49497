"""How good captions are, in the numbers that papers report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from showtell.errors import ShowtellError
from showtell.metrics.bleu import bleu
from showtell.metrics.cider import CiderD
from showtell.metrics.ngrams import Floats
from showtell.text.tokenizer import tokenize

__all__ = ["CiderD", "Scores", "bleu", "score"]


@dataclass(frozen=True)
class Scores:
    """What `score` found for N photos.

    `bleu` holds BLEU-1 to BLEU-4 of the corpus within [0, 1], `cider_d` the mean CIDEr-D within [0, 10];
    `bleu_per_photo` is float64 `(N, 4)`, `cider_d_per_photo` float64 `(N,)`.
    """

    bleu: tuple[float, float, float, float]
    cider_d: float
    bleu_per_photo: Floats
    cider_d_per_photo: Floats


def score(captions: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
    """Score one caption for each photo against the photo's references, as COCO's evaluation does.

    All of them are tokenized first. CIDEr-D's idf is that of `references`, so that its value depends on the
    set of photos as a whole, and is 0 if there is only one.

    Raises:
        ShowtellError: not one caption for each photo, no photo, or a photo without references.
    """
    if isinstance(captions, str) or any(isinstance(of_photo, str) for of_photo in references):
        raise ShowtellError("score: expected a list of captions and a list of references for each, not a string")
    candidates = [tokenize(caption) for caption in captions]
    tokenized = [[tokenize(reference) for reference in of_photo] for of_photo in references]
    corpus, per_photo = bleu(candidates, tokenized)
    cider_d, cider_d_per_photo = CiderD(tokenized).score(candidates)
    bleu_1, bleu_2, bleu_3, bleu_4 = map(float, corpus)
    return Scores((bleu_1, bleu_2, bleu_3, bleu_4), cider_d, per_photo, cider_d_per_photo)
