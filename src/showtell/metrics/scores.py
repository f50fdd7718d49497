"""All the scores of one set of captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice

from showtell.errors import ShowtellError
from showtell.metrics.bleu import bleu_counts, bleu_of
from showtell.metrics.cider import CiderD
from showtell.metrics.ngrams import Floats
from showtell.metrics.references import References
from showtell.metrics.rouge import rouge_l
from showtell.text.tokenizer import tokenize_lines


@dataclass(frozen=True)
class Scores:
    """The result of `score` for N photos.

    `bleu` holds BLEU-1 to BLEU-4 of the corpus within [0, 1]; `rouge_l`, within [0, 1], and `cider_d`, within
    [0, 10], are means over the photos. `bleu_per_photo` is float64 `(N, 4)`, `rouge_l_per_photo` and
    `cider_d_per_photo` are float64 `(N,)`; `bleu_counts` is what BLEU is computed of (see `bleu.bleu_counts`).
    """

    bleu: tuple[float, float, float, float]
    rouge_l: float
    cider_d: float
    bleu_per_photo: Floats
    rouge_l_per_photo: Floats
    cider_d_per_photo: Floats
    bleu_counts: Floats

    def named(self) -> dict[str, float]:
        """The corpus' scores under the names that papers use."""
        of_n = {f"BLEU-{n}": value for n, value in enumerate(self.bleu, 1)}
        return {"CIDEr-D": self.cider_d, **of_n, "ROUGE-L": self.rouge_l}

    def resampled(self, times: Floats) -> dict[str, Floats]:
        """The scores of other sets of these photos, by name, float64 `(R,)` each.

        Args:
            times: how often each photo is in each of the R sets, float64 `(R, N)`. Photos keep their CIDEr-D.
        """
        photos = times.sum(1)
        of_n = {f"BLEU-{n}": values for n, values in enumerate(bleu_of(times @ self.bleu_counts).T, 1)}
        cider_d, rouge = times @ self.cider_d_per_photo / photos, times @ self.rouge_l_per_photo / photos
        return {"CIDEr-D": cider_d, **of_n, "ROUGE-L": rouge}


def score(captions: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
    """Score one caption for each photo against the photo's references, as COCO's evaluation does.

    All of them are tokenized first. CIDEr-D's idf is that of `references`, so that its value depends on the
    set of photos as a whole, and is 0 if there is only one.

    Raises:
        ShowtellError: not one caption for each photo, no photo, or a photo without references.
    """
    candidates, of_photos = tokenized(captions, references)
    words = [line.split() for line in candidates]
    known = References([[line.split() for line in lines] for lines in of_photos])
    counts = bleu_counts(words, known)
    # What the tokenizer takes as one word although a blank is in it, only ROUGE-L's program does too
    rouge, rouge_per_photo = rouge_l(
        [line.split(" ") for line in candidates], [[line.split(" ") for line in lines] for lines in of_photos]
    )
    cider_d, cider_d_per_photo = CiderD(known).score(words)
    bleu_1, bleu_2, bleu_3, bleu_4 = bleu_of(counts.sum(0)).tolist()
    return Scores(
        bleu=(bleu_1, bleu_2, bleu_3, bleu_4),
        rouge_l=rouge,
        cider_d=cider_d,
        bleu_per_photo=bleu_of(counts),
        rouge_l_per_photo=rouge_per_photo,
        cider_d_per_photo=cider_d_per_photo,
        bleu_counts=counts,
    )


def tokenized(captions: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """Captions and references as `tokenize_lines` gives them, all references as one list.

    Raises:
        ShowtellError: a string instead of a list of captions.
    """
    if isinstance(captions, str) or any(isinstance(of_photo, str) for of_photo in references):
        raise ShowtellError("score: expected a list of captions and a list of references for each, not a string")
    lines = iter(tokenize_lines(list(chain.from_iterable(references))))
    return tokenize_lines(captions), [list(islice(lines, len(of_photo))) for of_photo in references]
