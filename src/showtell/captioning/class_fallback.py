"""A name for what a captioner has no words for: that of one of the encoder's classes.

A captioner says of everything what it learnt to say: one trained on people and dogs outdoors calls a cat a person on a
ramp. It knows that it does not know, as its confidence is low; and the encoder was taught a thousand classes, most of
which its photos never showed. Where both come together, the class's name says more than the sentence.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from showtell.captioning.classes import Classes
from showtell.nn.types import Array

UNSURE = 0.3
"""The confidence below which a sentence gives way to a name."""
SURE = 0.5
"""The probability of a class from which on it is named."""
# A class is shown by a photo from this probability on, and foreign if no more than so many training photos show it:
# of others the captioner has learnt what people say.
_SHOWN, _SELDOM = 0.3, 2


def foreign_classes(blocks: Iterator[Array], classes: Classes) -> list[str]:
    """The names of the classes that photos, those that a captioner learns from, show never or hardly ever.

    Args:
        blocks: the photos' features, some at a time, as `Classes.probabilities` takes them.
        classes: of the encoder that made them.
    """
    shown = sum(
        ((classes.probabilities(block) >= _SHOWN).sum(axis=0) for block in blocks), np.zeros(len(classes.names))
    )
    return [name for name, photos in zip(classes.names, shown, strict=True) if photos <= _SELDOM]


def with_article(name: str) -> str:
    """A class's name as one says it of a photo: `an espresso`, `a unicycle`, `binoculars`."""
    if name.endswith("s") and not name.endswith(("ss", "us")):
        return name
    vowel = name.lower().startswith(("a", "e", "i", "o", "u", "hour")) and not name.startswith("uni")
    return f"{'an' if vowel else 'a'} {name}"
