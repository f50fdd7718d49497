"""A sentence about a photo."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self


@dataclass(frozen=True)
class Caption:
    """A sentence about a photo.

    Attributes:
        text: the sentence, with a capital and a full stop.
        log_prob: the natural log-probability of the whole sentence, its end included.
        words: each word with its probability given the photo and the words before it.
        confidence: the probability that the caption is acceptable (see `showtell.captioning.confidence`); None if the
            captioner has not learnt to tell, and for all but the first of several captions.
        named: whether the text is no sentence but the name of one of the encoder's classes (see
            `showtell.captioning.class_fallback`); its probability is then that of the class.
        others: captions of the same photo in other words, best first, if more than one was asked for.
        object_entropy: how undecided the encoder is about the photo (see `ObjectHead.entropy`), in nats; None if the
            captioner has no object head, and for all but the first of several captions.
        familiar: whether the captioner may say something of the photo; if not, the sentence is invented (see
            `showtell.captioning.familiarity`).
    """

    text: str
    log_prob: float
    words: tuple[tuple[str, float], ...]
    confidence: float | None = None
    named: bool = False
    others: tuple[Caption, ...] = ()
    object_entropy: float | None = None
    familiar: bool = True

    @property
    def confidence_features(self) -> tuple[float, ...]:
        """What the confidence goes by: mean log-probability of a word, the end counted, their number, object entropy.

        The entropy only where it is known.
        """
        steps = len(self.words) + 1
        of_photo = () if self.object_entropy is None else (self.object_entropy,)
        return self.log_prob / steps, float(steps), *of_photo

    @property
    def n_best(self) -> tuple[Caption, ...]:
        """The caption and the others, best first."""
        return self, *self.others

    def up_to(self, num_captions: int) -> Self:
        """The caption with fewer `others`, so that there are at most `num_captions` of the photo."""
        return replace(self, others=self.others[: num_captions - 1])

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON, probabilities to six places."""
        return {
            "caption": self.text,
            "log_prob": round(self.log_prob, 6),
            "confidence": None if self.confidence is None else round(self.confidence, 6),
            "named": self.named,
            "words": [{"word": word, "probability": round(p, 6)} for word, p in self.words],
            **({"others": [other.to_dict() for other in self.others]} if self.others else {}),
        }

    def __str__(self) -> str:
        """The sentence."""
        return self.text
