"""What a captioner thinks of sentences: the log-probability of each, given each of some photos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from showtell.errors import ShowtellError
from showtell.nn.types import Array
from showtell.text.vocabulary import PAD, UNK

if TYPE_CHECKING:
    from showtell.captioning.captioner import Captioner

# Captions a forward pass takes at a time
_ROWS = 512


def sentence_log_probs(captioner: Captioner, sentences: Sequence[str], features: Array) -> Array:
    """log p(sentence | photo), the sum over the sentence's words and its end, of every sentence and every photo.

    Args:
        captioner: whose; words that it does not know count as the unknown word.
        sentences: S of them, in any capitals and punctuation.
        features: of M photos, as `Captioner.encode` gives them, (M, 81, 1280) or (M, 1280).

    Returns:
        (S, M), float32.

    Raises:
        ShowtellError: a sentence is longer than the captioner's captions, or knows none of its words.
    """
    decoder, ids = captioner.decoder, sentence_ids(captioner, sentences)
    found = np.empty((len(sentences), len(features)), np.float32)
    for first in range(0, len(features), _ROWS):
        block = features[first : first + _ROWS].astype(np.float32)
        # as many sentences as fit, so that a photo's keys and values are computed once for them
        some = max(1, _ROWS // len(block))
        for start in range(0, len(ids), some):
            words = ids[start : start + some]
            captions = np.full((len(words), max(map(len, words))), PAD)
            for row, of_sentence in zip(captions, words, strict=True):
                row[: len(of_sentence)] = of_sentence
            photo = np.tile(np.arange(len(block)), len(words))
            log_probs = decoder.log_probs(block, np.repeat(captions, len(block), axis=0), photo).sum(axis=1)
            found[start : start + some, first : first + _ROWS] = log_probs.reshape(len(words), len(block))
    return found


def sentence_ids(captioner: Captioner, sentences: Sequence[str]) -> list[list[int]]:
    """The ids of each sentence's words, from the start to the end; that of a word that is not known is `UNK`.

    Raises:
        ShowtellError: a sentence is longer than the captioner's captions, or has no word that it knows.
    """
    ids = [captioner.vocabulary.encode(sentence) for sentence in sentences]
    for sentence, words in zip(sentences, ids, strict=True):
        if len(words) - 2 > captioner.max_words:
            raise ShowtellError(
                f"{sentence!r:.80} has {len(words) - 2} words, and this captioner's captions at most "
                f"{captioner.max_words}"
            )
        if all(word == UNK for word in words[1:-1]):
            raise ShowtellError(f"{sentence!r:.80} has no word that this captioner knows")
    return ids
