"""The explanation of a photo's caption, word by word, in numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from showtell.captioning.attribution import attention_maps, gate_activations, word_gradients
from showtell.captioning.decoder import CaptionDecoder
from showtell.text.vocabulary import END

if TYPE_CHECKING:
    from showtell.captioning.caption import Caption
    from showtell.captioning.captioner import Captioner
    from showtell.nn.types import Array
    from showtell.vision.photo import PhotoSource

_GATES = {"i": "input gate", "f": "forget gate", "o": "output gate", "r": "reset gate", "z": "update gate"}


@dataclass(frozen=True)
class Step:
    """The explanation of one word, for a grid of S x S positions with F features.

    Attributes:
        word: as captions show it; `<end>` where the sentence ends.
        probability: given the photo and the words before it.
        runners_up: the likeliest other words with their probabilities, best first.
        attention_map: where the decoder attends, (S, S), sum 1; None for a decoder without attention.
        gradient: of the word's log-probability with respect to the grid, (S, S, F), in nats for one unit of a feature.
        grid: the photo's, (S, S, F), the same at every step.
    """

    word: str
    probability: float
    runners_up: tuple[tuple[str, float], ...]
    attention_map: Array | None
    gradient: Array
    grid: Array

    @property
    def sensitivity(self) -> Array:
        """The length of the gradient at each position, (S, S), in nats for one unit (Simonyan et al. 2014, section 3).

        How much the word's log-probability can change where the features change little, in whatever way.
        """
        length: Array = np.linalg.norm(self.gradient, axis=2)
        return length

    @property
    def influence(self) -> Array:
        """Gradient times features at each position, (S, S), in nats (Shrikumar et al. 2017, arXiv:1704.02685, 2.2).

        What the position's features, as far as the log-probability is a straight line, add to it: above 0 where they
        speak for the word, below 0 where they speak against it. The features are 0 where the encoder finds nothing.
        """
        times: Array = (self.gradient * self.grid).sum(axis=2)
        return times


@dataclass(frozen=True)
class Explanation:
    """The explanation of a caption.

    Attributes:
        caption: the sentence.
        steps: of each word, and of the end if the sentence ended by itself, T in all.
        gate_activations: by name, (T, H) each (see `captioning.attribution.gate_activations`).
    """

    caption: Caption
    steps: tuple[Step, ...]
    gate_activations: dict[str, Array]

    @property
    def gates(self) -> dict[str, dict[str, Array]]:
        """By the names of the cell's gates, the shares of their units that are `open`, `between` and `closed`, (T,).

        Open is above 0.9, closed below 0.1, as Karpathy, Johnson & Fei-Fei 2016 (arXiv:1506.02078, section 4.2) say;
        the vanilla network has no gates.
        """
        found = {}
        for letter, name in _GATES.items():
            if letter in self.gate_activations:
                values = self.gate_activations[letter]
                shares = {"open": (values > 0.9).mean(axis=1), "closed": (values < 0.1).mean(axis=1)}
                found[name] = shares | {"between": 1 - shares["open"] - shares["closed"]}
        return found

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: what the sheet shows, maps as rows of rows."""
        words = [
            {
                "word": step.word,
                "probability": step.probability,
                "runners_up": [{"word": word, "probability": probability} for word, probability in step.runners_up],
                "attention_map": None if step.attention_map is None else step.attention_map.tolist(),
                "sensitivity": step.sensitivity.tolist(),
                "influence": step.influence.tolist(),
            }
            for step in self.steps
        ]
        gates = {gate: {name: share.tolist() for name, share in shares.items()} for gate, shares in self.gates.items()}
        return {"caption": self.caption.to_dict(), "steps": words, "gates": gates}


def explain(captioner: Captioner, photo: PhotoSource, runners_up: int = 4) -> Explanation:
    """Explain the sentence that a captioner generates for a photo, even if it would output a class name instead.

    The numbers are those of float64, whatever the captioner computes with.

    Args:
        captioner: the captioner.
        photo: a path, the bytes of a file, or a PIL image.
        runners_up: how many other words of each step.

    Raises:
        NoCaptionError: the photo is of one colour.
        PhotoError: the photo cannot be read.
        ModelError: the captioner was trained on another encoder's features.
    """
    from showtell.vision.encoder import pool
    from showtell.vision.subject import open_subject

    grid = captioner.encoder.encode_one(open_subject(photo))
    has_attention = bool(captioner.decoder.config.attention_dim)
    features = grid if has_attention else pool(grid)
    (caption,) = captioner.caption_features(features[np.newaxis])
    if caption.named:
        caption = captioner.caption_features(features[np.newaxis], 2)[0].others[0]
    words = captioner.word_ids(caption)
    if len(caption.words) < captioner.max_words:
        words = np.append(words, END)

    decoder = _exact(captioner.decoder)
    exact, (P, F) = features.astype(np.float64), grid.shape
    side, T = math.isqrt(P), len(words) - 1
    log_probs, gradients = word_gradients(decoder, exact, words)
    # without attention the features are the mean of the grid, to which each position contributes equally
    gradients = gradients if has_attention else np.repeat(gradients[:, None] / P, P, axis=1)
    maps: list[Array | None] = [None] * T
    if has_attention:
        maps = list(attention_maps(decoder, exact[None], words[None])[0].reshape(T, side, side))
    names = captioner.vocabulary.to_list()
    shown = [captioner.vocabulary.decode([index]) or name for index, name in enumerate(names)]
    steps = []
    for word, log_prob, attention_map, gradient in zip(words[1:], log_probs, maps, gradients, strict=True):
        probability = np.exp(log_prob)
        others = [index for index in np.argsort(-log_prob, kind="stable")[: runners_up + 1] if index != word]
        steps.append(
            Step(
                shown[word],
                float(probability[word]),
                tuple((shown[index], float(probability[index])) for index in others[:runners_up]),
                attention_map,
                gradient.reshape(side, side, F),
                grid.astype(np.float64).reshape(side, side, F),
            )
        )
    return Explanation(caption, tuple(steps), gate_activations(decoder, exact, words))


def _exact(decoder: CaptionDecoder) -> CaptionDecoder:
    """The same weights in float64."""
    arrays: dict[str, Array] = {name: array.astype(np.float64) for name, array in decoder.arrays().items()}
    return CaptionDecoder.from_arrays(decoder.config, arrays)
