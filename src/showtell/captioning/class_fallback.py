"""A name for what a captioner has no words for: that of one of the encoder's classes.

A captioner says of everything what it learnt to say: one trained on people and dogs outdoors calls a cat a person on a
ramp. It knows that it does not know, as its confidence is low; and the encoder was taught a thousand classes, most of
which its photos never showed: they are out of its domain. Where both come together, the class's name says more than
the sentence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from showtell.captioning.caption import Caption
from showtell.captioning.classes import Classes, shipped_classes
from showtell.nn.types import Array
from showtell.text.sentence import sentence

CONFIDENCE_THRESHOLD = 0.5
"""The confidence below which a captioner is unsure: its sentence is more likely wrong than acceptable."""
CLASS_THRESHOLD = 0.5
"""The probability of a class from which on it is named."""
# A class is shown by a photo from this probability on, and out of domain if no more than so many training photos show
# it: of others the captioner has learnt what people say.
_SHOWN, _SELDOM = 0.3, 2


def name_unsure(captions: Sequence[Caption], features: Array, out_of_domain: Collection[str]) -> list[Caption]:
    """The captions, but for photos of which a class is the better guess: its name, then the captions as `others`.

    Args:
        captions: of N photos, each with its confidence.
        features: of the same photos, (N, 81, 1280) or (N, 1280), by the encoder that ships.
        out_of_domain: the classes that may be named.
    """
    found = list(captions)
    unsure = [
        photo
        for photo, caption in enumerate(captions)
        if caption.confidence is not None and caption.confidence < CONFIDENCE_THRESHOLD
    ]
    if not unsure or not out_of_domain:
        return found
    for photo, (name, probability) in zip(unsure, shipped_classes().likeliest(features[unsure]), strict=True):
        if probability >= CLASS_THRESHOLD and name in out_of_domain:
            found[photo] = Caption(
                text=sentence(with_article(name)),
                log_prob=float(np.log(probability)),
                words=((name, probability),),
                confidence=probability,
                named=True,
                others=(captions[photo].up_to(1), *captions[photo].others),
            )
    return found


def find_out_of_domain_classes(blocks: Iterator[Array], classes: Classes) -> list[str]:
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
