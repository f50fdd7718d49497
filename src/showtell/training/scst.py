"""Self-critical sequence training: sampled captions with a reward above the baseline become more likely.

Rennie et al. 2017, "Self-critical Sequence Training for Image Captioning" (arXiv:1612.00563), with the mean reward of a
photo's other samples as the baseline (Luo 2020, arXiv:2003.09971; Kool et al. 2019): the gradient of

    - sum over samples of (reward - mean reward of the others) log p(sample)

is that of the expected reward, with the sign of a loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from showtell.captioning import search
from showtell.captioning.decoder import CaptionDecoder
from showtell.captioning.stepper import Stepper
from showtell.metrics import CiderD
from showtell.metrics.object_words import coco_words
from showtell.nn.types import Array, IntArray
from showtell.text.tokenizer import tokenize
from showtell.text.vocabulary import END, PAD, START, Vocabulary
from showtell.training.data import Captions

# The end of a caption as a word, so that a truncated caption scores lower.
_END_TOKEN = "</s>"
# A logit that makes the probability and its gradient exactly 0 in float32 and float64
_MASKED_LOGIT = -1e4


class Reward:
    """CIDEr-D of captions against the references of the training photos, which also determine the idf.

    Args:
        references: the captions of each photo.
        vocabulary: the decoder's words.
        others: captions of further photos, for the idf only.
    """

    def __init__(
        self, references: Sequence[Sequence[str]], vocabulary: Vocabulary, others: Sequence[Sequence[str]] = ()
    ) -> None:
        self._words = vocabulary.to_list()
        self._cider = CiderD(
            [[[*tokenize(caption), _END_TOKEN] for caption in of_photo] for of_photo in [*references, *others]]
        )

    def score(self, hypotheses: Sequence[search.Hypothesis], photos: IntArray) -> NDArray[np.float64]:
        """The reward of each caption, (N,), given which photo each is of, (N,)."""
        captions = [
            [*(self._words[word] for word in hypothesis.words), *([_END_TOKEN] if hypothesis.ended else [])]
            for hypothesis in hypotheses
        ]
        scores: NDArray[np.float64] = self._cider.score(captions, photos)[1]
        return scores


class ObjectReward:
    """Bonus for objects that a caption mentions and the photo shows, penalty for other objects.

    This reduces hallucination, which CIDEr alone increases (Rohrbach et al. 2018, arXiv:1809.02156). A photo shows its
    labelled objects and those that its references mention; for a photo without labels the reward is 0.

    Args:
        photos: the training photos.
        bonus: for each object that is shown.
        penalty: for each mention of one that is not.
    """

    def __init__(self, photos: Captions, bonus: float, penalty: float) -> None:
        self._bonus, self._penalty, self._words = bonus, penalty, coco_words()
        self._present = [
            None if listed is None else frozenset(listed).union(*(self._words.named(said) for said in captions))
            for listed, captions in zip(photos.objects, photos.references, strict=True)
        ]

    def of(self, captions: Sequence[str], photos: IntArray) -> NDArray[np.float64]:
        """The object reward of each caption, (N,), given the photo of each, (N,)."""
        gains = np.zeros(len(captions))
        for place, (caption, photo) in enumerate(zip(captions, photos.tolist(), strict=True)):
            there = self._present[photo]
            if there is not None:
                named = self._words.named(caption)
                missing = sum(name not in there for name in named)
                gains[place] = self._bonus * len(there.intersection(named)) - self._penalty * missing
        return gains


def mask_suppressed_tokens(decoder: CaptionDecoder) -> CaptionDecoder:
    """The decoder with the logits of suppressed tokens masked, as `search.sample_from` samples from it.

    The gradient must be that of the distribution that is sampled. If it included the unknown word, bad captions would
    become less likely by moving probability to that word, and since it is never sampled nothing would reverse this.
    """
    b = decoder.params["b_vocab"].copy()
    b[list(search.SUPPRESSED)] = _MASKED_LOGIT
    return decoder.with_params(decoder.params | {"b_vocab": b})


def sample_captions(
    decoder: CaptionDecoder, features: Array, samples: int, max_words: int, rng: np.random.Generator
) -> list[search.Hypothesis]:
    """`samples` captions of each of M photos, photo by photo: M * samples of them."""
    stepper = Stepper(decoder)
    state = stepper.start(features).take(np.repeat(np.arange(len(features)), samples))
    return search.sample_from(stepper, state, rng, max_words=max_words)


def advantages(rewards: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    """Each reward less the mean of the others of its photo: (M * samples,), photo by photo."""
    of_photo = rewards.reshape(-1, samples)
    others = (of_photo.sum(axis=1, keepdims=True) - of_photo) / (samples - 1)
    less: NDArray[np.float64] = (of_photo - others).ravel()
    return less


def pad_captions(hypotheses: Sequence[search.Hypothesis]) -> NDArray[np.intp]:
    """Word ids with start and end tokens, padded, (N, T + 1), as the decoder's loss takes them."""
    captions = np.full((len(hypotheses), max(len(h.words) + h.ended for h in hypotheses) + 1), PAD)
    for row, hypothesis in zip(captions, hypotheses, strict=True):
        ids = [START, *hypothesis.words, *([END] if hypothesis.ended else [])]
        row[: len(ids)] = ids
    return captions
