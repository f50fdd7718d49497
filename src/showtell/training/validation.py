"""Validation of a captioner, data set by data set."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from showtell.captioning.caption import Caption
from showtell.captioning.captioner import Captioner
from showtell.metrics import score
from showtell.nn.types import Array, IntArray
from showtell.text.vocabulary import PAD
from showtell.training.batches import photo_batches, trim
from showtell.training.data import Split

_BATCH = 64


class Validation:
    """The validation photos of a run.

    Args:
        split: the photos.
        sets: the data sets' names.
        features: the features of some of the photos, 0 to P - 1, float32 (N, ...).
        batch_size: captions whose loss is computed together.
    """

    def __init__(
        self, split: Split, sets: tuple[str, ...], features: Callable[[IntArray], Array], batch_size: int
    ) -> None:
        self._split, self._sets, self._features, self._batch_size = split, sets, features, batch_size

    def scores(self, captioner: Captioner) -> dict[str, float]:
        """The loss per word in nats, and CIDEr-D and BLEU-4 of the generated captions.

        The scores are means over the data sets; where there are several, those of each stand beside them, as
        `cider_d NAME`.
        """
        texts = [caption.text for caption in self.captions(captioner)]
        found: dict[str, float] = {"val_loss": self._loss(captioner)}
        of_sets = {}
        for number, name in enumerate(self._sets):
            photos = self._split.of_set(number)
            scores = score([texts[p] for p in photos], [self._split.references[p] for p in photos])
            of_sets[name] = {"cider_d": float(scores.cider_d), "bleu_4": float(scores.bleu[3])}
        for kind in ("cider_d", "bleu_4"):
            found[kind] = float(np.mean([scores[kind] for scores in of_sets.values()]))
        if len(self._sets) > 1:
            found |= {f"{kind} {name}": value for name, scores in of_sets.items() for kind, value in scores.items()}
        return found

    def captions(self, captioner: Captioner) -> list[Caption]:
        """The captions of the photos, in order."""
        every = np.arange(len(self._split.rows))
        return [
            caption
            for start in range(0, len(every), _BATCH)
            for caption in captioner.caption_features(self._features(every[start : start + _BATCH]))
        ]

    def _loss(self, captioner: Captioner) -> float:
        split, total, words = self._split, 0.0, 0
        for photos in photo_batches(np.arange(len(split.counts)), split.counts, self._batch_size):
            rows, photo = split.captions_of(photos)
            captions = trim(split.captions[rows])
            total += captioner.decoder.evaluate(self._features(photos), captions, photo) * len(rows)
            words += int((captions[:, 1:] != PAD).sum())
        return total / words
