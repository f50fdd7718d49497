"""What COCO's evaluation says: pycocoevalcap, with its Java programs; only imported where both are installed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer


def lines(captions: Sequence[str]) -> list[str]:
    """The words of captions that are tokenized together."""
    return PTBTokenizer().tokenize({0: [{"caption": caption} for caption in captions]})[0]


def words(captions: Sequence[str]) -> list[list[str]]:
    """Each caption's words; a line between keeps a caption from being read together with the next."""
    return [line.split() for line in lines([line for caption in captions for line in (caption, "x")])[::2]]


def scores(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    """The scores by the names that `showtell.metrics.Scores` has for them."""
    theirs = {photo: [{"caption": caption} for caption in captions] for photo, captions in enumerate(references)}
    theirs = PTBTokenizer().tokenize(theirs)
    ours = PTBTokenizer().tokenize({photo: [{"caption": caption}] for photo, caption in enumerate(candidates)})
    bleu, bleu_per_photo = Bleu(4).compute_score(theirs, ours, verbose=0)
    rouge_l, rouge_l_per_photo = Rouge().compute_score(theirs, ours)
    cider_d, cider_d_per_photo = Cider().compute_score(theirs, ours)
    return {
        "bleu": np.array(bleu),
        "bleu_per_photo": np.array(bleu_per_photo).T,
        "rouge_l": rouge_l,
        "rouge_l_per_photo": rouge_l_per_photo,
        "cider_d": cider_d,
        "cider_d_per_photo": cider_d_per_photo,
    }


def meteor(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[float, list[float]]:
    """METEOR of the corpus and of each photo."""
    theirs = {photo: [{"caption": caption} for caption in captions] for photo, captions in enumerate(references)}
    ours = PTBTokenizer().tokenize({photo: [{"caption": caption}] for photo, caption in enumerate(candidates)})
    scorer = Meteor()
    program = scorer.meteor_p
    found = scorer.compute_score(PTBTokenizer().tokenize(theirs), ours)
    program.stdout.close()
    program.stderr.close()
    return found
