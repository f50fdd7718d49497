"""Diversity of a set of captions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from showtell.errors import ShowtellError
from showtell.text.tokenizer import tokenize


@dataclass(frozen=True)
class Diversity:
    """The result of `diversity`.

    Attributes:
        mean_length: words a caption.
        vocabulary: different words in all captions together.
        distinct_1: different words, divided by all words (Li et al. 2016, "A Diversity-Promoting Objective Function
            for Neural Conversation Models", section 5.3); 0 where there are no words.
        distinct_2: different pairs of neighbouring words, divided by all words.
        new: the share of captions whose words no training caption has in the same order; None without any.
    """

    mean_length: float
    vocabulary: int
    distinct_1: float
    distinct_2: float
    new: float | None

    def named(self) -> dict[str, float]:
        """The values by the names used in tables."""
        found: dict[str, float] = {"mean length": self.mean_length, "vocabulary": self.vocabulary}
        found |= {"distinct-1": self.distinct_1, "distinct-2": self.distinct_2}
        return found if self.new is None else found | {"new captions": self.new}


def diversity(captions: Sequence[str], training: Iterable[str] = ()) -> Diversity:
    """Measure the variety of captions, on the tokenizer's words.

    Args:
        captions: any number from 1 on.
        training: the captions that the captioner was trained on.

    Raises:
        ShowtellError: there is no caption, or a string instead of a list.
    """
    if isinstance(captions, str) or isinstance(training, str):
        raise ShowtellError("diversity: expected lists of captions, not a string")
    if not captions:
        raise ShowtellError("diversity: no caption, expected at least one")
    written = [tuple(tokenize(caption)) for caption in captions]
    words = sum(map(len, written))
    vocabulary = {word for caption in written for word in caption}
    pairs = {pair for caption in written for pair in pairwise(caption)}
    seen = {tuple(tokenize(caption)) for caption in training}
    return Diversity(
        mean_length=words / len(written),
        vocabulary=len(vocabulary),
        distinct_1=len(vocabulary) / max(words, 1),
        distinct_2=len(pairs) / max(words, 1),
        new=sum(caption not in seen for caption in written) / len(written) if seen else None,
    )
