"""Scoring, tokenizer included, against COCO's evaluation: pycocoevalcap with Java's tokenizer (the extra `java`).

`python benchmarks/scores.py [--json]`: BLEU, ROUGE-L and CIDEr-D of 1,000 photos with five references each. It takes
about a minute.
"""

from __future__ import annotations

import contextlib
import os
import random

import harness
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

from showtell.metrics import score

PHOTOS, REFERENCES = 1000, 5

WHO = ["man", "woman", "boy", "girl", "dog", "cat", "child", "skier", "climber", "baker", "horse", "bird", "crowd"]
LIKE = ["black", "brown", "white", "young", "old", "small", "large", "happy", "tired", "wet", "red-haired", "muddy"]
DOES = ["runs", "jumps", "sits", "stands", "waits", "rides", "climbs", "plays", "sleeps", "looks", "isn't"]
WHERE = ["grass", "snow", "water", "street", "beach", "field", "bench", "wall", "river", "table", "market", "path"]
HOW = ["in", "on", "beside", "near", "behind", "under", "across", "through"]
CHOICES = [LIKE, WHO, DOES, HOW, WHERE]


def sentence(rng: random.Random, words: list[str]) -> str:
    """About ten words, most of them a photo's."""
    some = [rng.choice(choices) if rng.random() < 0.4 else word for word, choices in zip(words, CHOICES, strict=True)]
    more = f", {rng.choice(HOW)} a {rng.choice(LIKE)} {rng.choice(WHO)}" if rng.random() < 0.5 else ""
    return "A {} {} {} {} the {}{} .".format(*some, more)


def captions() -> tuple[list[str], list[list[str]]]:
    rng = random.Random(0)
    photos = [[rng.choice(choices) for choices in CHOICES] for _ in range(PHOTOS)]
    return (
        [sentence(rng, words) for words in photos],
        [[sentence(rng, words) for _ in range(REFERENCES)] for words in photos],
    )


@contextlib.contextmanager
def silent():
    """Without what the tokenizer says on stderr, as it is another process that says it."""
    before, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


def main() -> None:
    candidates, references = captions()

    def ours() -> object:
        return score(candidates, references)

    def theirs() -> object:
        tokenizer = PTBTokenizer()
        told = {i: [{"caption": caption} for caption in of_photo] for i, of_photo in enumerate(references)}
        told = tokenizer.tokenize(told)
        said = tokenizer.tokenize({i: [{"caption": caption}] for i, caption in enumerate(candidates)})
        return [
            Bleu(4).compute_score(told, said, verbose=0)[0],
            Rouge().compute_score(told, said)[0],
            Cider().compute_score(told, said)[0],
        ]

    with silent():
        result = harness.compare(f"{PHOTOS:,} photos x {REFERENCES} references", "pycocoevalcap", ours, theirs)
    harness.report([result])


if __name__ == "__main__":
    main()
