"""Whole decoders, small enough to be held against finite differences: their loss, and the words that they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from showtell.captioning.attribution import word_gradients
from showtell.captioning.config import DecoderConfig
from showtell.captioning.decoder import CaptionDecoder
from showtell.captioning.parameters import initialize, score_weights
from showtell.lab.cases import KINKED, SMOOTH, Options
from showtell.lab.differences import GradientCheck
from showtell.nn.backend import Backend
from showtell.nn.choices import Activation, Cell, RecurrentInit
from showtell.nn.functional.softmax import log_softmax
from showtell.nn.types import Array, IntArray
from showtell.text.vocabulary import END, PAD, START


@dataclass(frozen=True)
class DecoderCase:
    """A whole decoder: `heads` is 0 for one that sees the mean of the grid alone; `settings` are those of its loss."""

    cell: Cell
    activation: Activation
    heads: int
    settings: Options = ()

    @property
    def part(self) -> str:
        """What is checked."""
        return "CaptionDecoder"

    @property
    def name(self) -> str:
        """The kind of decoder, and which settings its loss has."""
        said = "".join(f"-{name}" for name, _ in self.settings)
        return f"CaptionDecoder-{self.cell}-{self.activation}-heads{self.heads}{said}"

    def gradient_check(self, backend: Backend) -> GradientCheck:
        """The loss of a few captions, as each of the parameters moves."""
        decoder = draw_decoder(self.cell, self.activation, self.heads, backend=backend)
        features, captions, photo = draw_captions(self.heads)

        def compute(*params: Array) -> tuple[float, dict[str, Array]]:
            here = decoder.with_params(dict(zip(decoder.params, params, strict=True)))
            return here.loss(features, captions, photo, rng=np.random.default_rng(3), **dict(self.settings))

        grads = compute(*decoder.params.values())[1]
        epsilon = KINKED if self.activation == "relu" else SMOOTH
        return GradientCheck(lambda *params: compute(*params)[0], decoder.params, grads, epsilon)


@dataclass(frozen=True)
class WordCase:
    """One word that a whole decoder says of a photo: `place` is the word's, 0 to `WORDS` - 1."""

    cell: Cell
    activation: Activation
    heads: int
    place: int

    @property
    def part(self) -> str:
        """What is checked."""
        return "word_gradients"

    @property
    def name(self) -> str:
        """The kind of decoder, and which word."""
        return f"word_gradients-{self.cell}-{self.activation}-heads{self.heads}-word{self.place}"

    def gradient_check(self, backend: Backend) -> GradientCheck:
        """The word's log-probability, as the photo's features move."""
        decoder = draw_decoder(self.cell, self.activation, self.heads, backend=backend)
        features, captions, _ = draw_captions(self.heads)
        photo, words = features[1], captions[-1]

        def log_prob(photo: Array) -> float:
            z, _ = decoder.forward(photo[np.newaxis], words[np.newaxis])
            scores = z[0, self.place] @ score_weights(decoder.params) + decoder.params["b_vocab"]
            return float(log_softmax(scores)[words[self.place + 1]])

        grads = {"features": word_gradients(decoder, photo, words)[1][self.place]}
        return GradientCheck(log_prob, {"features": photo}, grads, KINKED if self.activation == "relu" else SMOOTH)


def draw_decoder(
    cell: Cell,
    activation: Activation = "tanh",
    heads: int = 0,
    *,
    init: RecurrentInit = "orthogonal",
    forget_bias: float = 1.0,
    dtype: DTypeLike = np.float64,
    backend: Backend | None = None,
) -> CaptionDecoder:
    """A small decoder."""
    rng = np.random.default_rng(1)
    names = ("feature_mean", "feature_scale", "grid_mean", "grid_scale")[: 4 if heads else 2]
    statistics = {name: rng.uniform(0.5, 2, 6) for name in names}
    config = DecoderConfig(11, 6, 5, 7, attention_dim=3 * heads, heads=heads or 1, cell=cell, activation=activation)
    params = initialize(config, rng, init=init, forget_bias=forget_bias, dtype=dtype)
    return CaptionDecoder(config, params, statistics, backend=backend)


def draw_captions(heads: int = 0, dtype: type = np.float64) -> tuple[Array, IntArray, IntArray]:
    """Features of three photos, captions of 4, 2, 0 and 5 words, and whose they are: one photo has none; read-only."""
    rng = np.random.default_rng(2)
    features: Array = rng.standard_normal((3, 4, 6) if heads else (3, 6)).astype(dtype)
    captions = np.full((4, 7), PAD)
    for row, count in zip(captions, (4, 2, 0, 5), strict=True):
        row[: count + 2] = [START, *rng.integers(4, 11, count), END]
    photo = np.array([2, 0, 2, 2])
    for array in (features, captions, photo):
        array.flags.writeable = False
    return features, captions, photo


KINDS: list[tuple[Cell, Activation, int]] = [
    ("lstm", "tanh", 0),
    ("gru", "tanh", 0),
    ("rnn", "tanh", 0),
    ("rnn", "relu", 0),
    ("lstm", "tanh", 2),
    ("rnn", "tanh", 1),
]
"""Kinds of decoders: cell, activation, heads, 0 for one without attention."""
_SETTINGS: list[Options] = [
    (),
    (("label_smoothing", 0.1),),
    (("dropout", 0.4), ("label_smoothing", 0.1), ("weight", np.array([0.5, -1.0, 2.0, 0.0]))),
]
DECODERS: list[DecoderCase] = [DecoderCase(*kind, settings) for kind in KINDS for settings in _SETTINGS]
WORDS = 6
"""Of the last caption, its end counted."""
SAID: list[WordCase] = [WordCase(*kind, place) for kind in KINDS for place in range(WORDS)]
