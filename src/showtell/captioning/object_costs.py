"""What it costs a sentence to name an object that the photo does not seem to show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from showtell.captioning.object_head import ObjectHead
from showtell.metrics.object_words import coco_words
from showtell.nn.types import Array
from showtell.text.vocabulary import Vocabulary

# An object of this probability costs nothing. Chosen on COCO's dev photos, docs/experiments.md
_SEEN = 0.3


class ObjectCosts:
    """The costs of words for a vocabulary and an object head.

    A word that names an object of probability p costs log(0.3 / p) nats, and nothing if the object is likelier than
    0.3: of what the encoder does not see, the decoder must be the surer. Such objects are the commonest fault of
    captioners (Rohrbach et al. 2018, arXiv:1809.02156).

    Args:
        vocabulary: the words.
        head: with the objects that words may name, by COCO's names.
    """

    def __init__(self, vocabulary: Vocabulary, head: ObjectHead) -> None:
        self._head = head
        number = {name: place for place, name in enumerate(head.names)}
        words, known = vocabulary.to_list(), coco_words()
        named = [[number[name] for name in known.named(word) if name in number] for word in words]
        self._words = np.array([place for place, objects in enumerate(named) if objects], np.intp)
        self._objects = np.array([objects[0] for objects in named if objects], np.intp)
        self._size = len(words)

    def of(self, features: Array) -> NDArray[np.float32]:
        """What each word costs in a sentence about each of N photos, given their grids or pooled features, (N, V)."""
        likely = np.maximum(self._head.probabilities(features), np.float32(1e-6))
        costs = np.zeros((len(features), self._size), np.float32)
        costs[:, self._words] = np.maximum(np.log(np.float32(_SEEN) / likely), 0)[:, self._objects]
        return costs
