"""A decoder step by step: a state, and the probabilities of the next word."""

from __future__ import annotations

import numpy as np

from showtell.captioning.decoder import CaptionDecoder
from showtell.captioning.parameters import embedding_scale, score_weights
from showtell.nn.choices import Precision
from showtell.nn.functional import Affine
from showtell.nn.functional.decoding import Attention, State
from showtell.nn.types import Array, IntArray


class Stepper:
    """A decoder's weights at one moment, ready for a search: a state, and a step for each word.

    What it holds of the decoder's `params` may be a copy or not: do not train while it is in use.
    """

    def __init__(self, decoder: CaptionDecoder) -> None:
        self._decoder, config, p = decoder, decoder.config, decoder.params
        words = p["W_embed"] * embedding_scale(config, p["W_embed"].dtype)
        attention = None
        if config.attention_dim:
            attention = Attention(p["W_query"], p["b_query"], p["W_combine"], p["b_combine"], config.heads)
        self._step = decoder.backend.DecodingStep(
            config.cell,
            config.activation,
            words,
            p["Wx"],
            p["Wh"],
            p["b"],
            score_weights(p),
            p["b_vocab"],
            attention=attention,
            precision=decoder.precision,
        )
        self._projection, self._image = self._of_features("feature", "proj"), self._of_features("feature", "image")
        self._grid = []
        if attention:
            self._grid = [self._of_features("grid", name, decoder.precision) for name in ("key", "value")]

    @property
    def vocab_size(self) -> int:
        """V, specials included."""
        return self._decoder.config.vocab_size

    def start(self, features: Array) -> State:
        """The state before the first word, for photos' features (N, F) or grids (N, P, F).

        Raises:
            ShowtellError: shapes or dtypes do not fit together.
        """
        config, pooled = self._decoder.config, self._decoder.pooled(features)
        flat, shape = features.reshape(-1, config.feature_dim), (*features.shape[:2], config.attention_dim)
        h0, image = self._projection(pooled), self._image(pooled)
        return self._step.start(h0, image, *(affine(flat).reshape(shape) for affine in self._grid))

    def step(self, words: IntArray, state: State) -> tuple[Array, State]:
        """The log-probabilities (R, V) of the word after `words` (R,), and the state after them."""
        return self._step.step(words, state)

    def best(
        self, words: IntArray, state: State, count: int, suppressed: tuple[int, ...] = ()
    ) -> tuple[Array, IntArray, State]:
        """Of `step` the likeliest `count` words that are not suppressed, best first: log-probabilities, ids (R, k)."""
        return self._step.best(words, state, count, suppressed)

    def _of_features(self, kind: str, name: str, precision: Precision = "float32") -> Affine:
        """W_name and b_name for features that are not standardized: mean and scale go into the weights, once."""
        params, statistics = self._decoder.params, self._decoder.statistics
        W, scale = params[f"W_{name}"], statistics[f"{kind}_scale"]
        b = params.get(f"b_{name}", np.zeros_like(W[0]))
        b = b - (statistics[f"{kind}_mean"] / scale) @ W
        return self._decoder.backend.Affine(W / scale[:, None], b, precision=precision)
