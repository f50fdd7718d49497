"""The decoder: a photo's features to the probabilities of words, one recurrent step a word.

    v      = (features - feature_mean) / feature_scale
    h_0    = v W_proj + b_proj                            the photo is the first state,
    x_t    = [row of W_embed of word t, v W_show + b_show]    and is shown again beside every word
    h_t    = cell(x_t, h_{t-1})                           LSTM, GRU or vanilla RNN
    scores = h_t W_vocab + b_vocab

Show and Tell (Vinyals et al. 2015, arXiv:1411.4555) with the photo in the first state, as in CS231n's captioning
assignment, and at every step, as in m-RNN (Mao et al. 2015, arXiv:1412.6632).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from showtell import initialization, kernels
from showtell.errors import ShowtellError
from showtell.functional.activations import Activation, check_activation
from showtell.functional.checks import Array, IntArray, check_arrays
from showtell.functional.decoding import GATES, Cell, State
from showtell.initialization import RecurrentInit
from showtell.kernels import Precision
from showtell.layers import best_layers
from showtell.text.vocabulary import PAD


class CaptionDecoder:
    """Parameters, loss and gradients, and the single step that a search takes.

    Args:
        vocab_size: V, specials included.
        feature_dim: F, width of a photo's features.
        embed_dim: E, width of a word's vector, and of the photo's beside it.
        hidden_dim: H.
        cell: `"lstm"`, `"gru"` or `"rnn"`.
        activation: of the vanilla network, `"tanh"` or `"relu"`; the gated cells have their own.
        init: of the hidden-to-hidden weights, `"orthogonal"`, `"xavier"` or `"identity"`.
        forget_bias: where the bias of the LSTM's forget gate begins (Jozefowicz, Zaremba & Sutskever 2015).
        feature_mean: (F,), subtracted from the features; 0 if not given.
        feature_scale: (F,), what they are then divided by; 1 if not given.
        dtype: of the parameters and of all arithmetic.
        rng: where the first weights come from; seeded with 0 if not given.
        params: weights to begin with instead, used as they are, without a copy.
        layers: who computes: `showtell.functional` or `showtell.kernels`; if not given the latter, where it is there.
        precision: `"bf16"` rounds what the products of the recurrent and the vocabulary layer multiply to bfloat16, in
            training and in decoding; the parameters and all sums stay float32. The compiled layers have it.

    Attributes:
        params: what is learnt, by name.

    Raises:
        ShowtellError: a cell, activation, init or precision of another name; weights missing, too many or of another
            shape; bf16 without the compiled layers.
    """

    def __init__(
        self,
        vocab_size: int,
        feature_dim: int,
        embed_dim: int,
        hidden_dim: int,
        *,
        cell: Cell = "lstm",
        activation: Activation = "tanh",
        init: RecurrentInit = "orthogonal",
        forget_bias: float = 1.0,
        feature_mean: Array | None = None,
        feature_scale: Array | None = None,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None,
        params: dict[str, Array] | None = None,
        layers: ModuleType | None = None,
        precision: Precision = "float32",
    ) -> None:
        if cell not in GATES:
            raise ShowtellError(f"cell is {cell!r}, expected one of {', '.join(map(repr, GATES))}")
        check_activation(activation)
        self.vocab_size, self.feature_dim = vocab_size, feature_dim
        self.embed_dim, self.hidden_dim = embed_dim, hidden_dim
        self.cell, self.activation, self.layers = cell, activation, layers or best_layers()
        self.feature_mean = np.asarray(np.zeros(feature_dim) if feature_mean is None else feature_mean, dtype)
        self.feature_scale = np.asarray(np.ones(feature_dim) if feature_scale is None else feature_scale, dtype)
        self._precision = _precision(precision, self.layers)
        if params is None:
            params = self._initial(init, forget_bias, rng or np.random.default_rng(0), dtype)
        _check_shapes(params, self._shapes())
        self.params = params

    def loss(
        self,
        features: Array,
        captions: IntArray,
        *,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> tuple[float, dict[str, Array]]:
        """The loss of captions given their photos, and its gradients.

        Args:
            features: the photo's features for each caption, (N, F).
            captions: word ids from the start on, padded at the end, (N, T + 1): words 0..T-1 go in, 1..T are predicted.
            dropout: share of each word's vector, of the photo's and of each hidden state that is dropped.
            label_smoothing: share of the target that goes to all words alike.
            rng: where dropout's randomness comes from; needed if dropout is above 0.

        Returns:
            The cross-entropy summed over a caption's words, mean over the captions; the gradient of each of `params`.

        Raises:
            ShowtellError: shapes or dtypes do not fit together, or a setting is out of range.
            IndexError: a word id is out of range.
        """
        h, words_out, cache = self._hidden(features, captions, dropout, rng)
        p, grads = self.params, {}
        loss, (dh, grads["W_vocab"], grads["b_vocab"]) = self.layers.vocabulary_loss(
            h, p["W_vocab"], p["b_vocab"], words_out, words_out != PAD, label_smoothing, **self._precision
        )
        return float(loss), grads | self._backward(dh, cache)

    def evaluate(self, features: Array, captions: IntArray) -> float:
        """The loss alone, without dropout and label smoothing; arguments and errors as of `loss`."""
        h, words_out, _ = self._hidden(features, captions, 0.0, None)
        p = self.params
        loss, _ = self.layers.vocabulary_loss(
            h, p["W_vocab"], p["b_vocab"], words_out, words_out != PAD, gradients=False, **self._precision
        )
        return float(loss)

    def stepwise(self) -> StepwiseDecoder:
        """What a search needs, with the weights as they are now."""
        return StepwiseDecoder(self)

    def config(self) -> dict[str, Any]:
        """What `from_arrays` needs beside the arrays, ready for JSON."""
        names = ("vocab_size", "feature_dim", "embed_dim", "hidden_dim", "cell", "activation")
        return {name: getattr(self, name) for name in names}

    def arrays(self) -> dict[str, Array]:
        """All that is to be stored: `params`, and the statistics of the features."""
        return self.params | {"feature_mean": self.feature_mean, "feature_scale": self.feature_scale}

    @classmethod
    def from_arrays(
        cls, config: dict[str, Any], arrays: dict[str, Array], layers: ModuleType | None = None
    ) -> CaptionDecoder:
        """The decoder of which `config` and `arrays` came.

        Raises:
            ShowtellError: an array is missing, is one too many, or has another shape.
        """
        params = dict(arrays)
        mean, scale = params.pop("feature_mean", None), params.pop("feature_scale", None)
        return cls(**config, feature_mean=mean, feature_scale=scale, params=params, layers=layers)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        V, F, E, H = self.vocab_size, self.feature_dim, self.embed_dim, self.hidden_dim
        G = GATES[self.cell] * H
        return {
            "W_proj": (F, H),
            "b_proj": (H,),
            "W_show": (F, E),
            "b_show": (E,),
            "W_embed": (V, E),
            "Wx": (2 * E, G),
            "Wh": (H, G),
            "b": (G,),
            "W_vocab": (H, V),
            "b_vocab": (V,),
        }

    def _initial(
        self, init: RecurrentInit, forget_bias: float, rng: np.random.Generator, dtype: DTypeLike
    ) -> dict[str, Array]:
        E, H, gates = self.embed_dim, self.hidden_dim, GATES[self.cell]
        params: dict[str, Array] = {}
        for name, shape in self._shapes().items():
            if name == "W_embed":
                params[name] = (0.1 * rng.standard_normal(shape)).astype(dtype)
            elif name == "Wx":
                blocks = [initialization.xavier(2 * E, H, rng, dtype) for _ in range(gates)]
                params[name] = np.concatenate(blocks, axis=1)
            elif name == "Wh":
                params[name] = initialization.recurrent(init, H, gates, rng, dtype)
            elif len(shape) == 2:
                params[name] = initialization.xavier(*shape, rng, dtype)
            else:
                params[name] = np.zeros(shape, dtype)
        if self.cell == "lstm":
            params["b"][H : 2 * H] = forget_bias  # gate order i, f, o, g
        return params

    def _hidden(
        self, features: Array, captions: IntArray, dropout: float, rng: np.random.Generator | None
    ) -> tuple[Array, IntArray, dict[str, Any]]:
        """The hidden states (N, T, H), the words to predict (N, T), and the layers' caches by name."""
        if dropout and rng is None:
            raise ShowtellError("CaptionDecoder.loss: dropout needs rng, a numpy.random.Generator")
        layers, p = self.layers, self.params
        words_in, words_out = captions[:, :-1], captions[:, 1:]
        cache: dict[str, Any] = {}
        v = self.standardise(features)
        h0, cache["proj"] = layers.affine_forward(v, p["W_proj"], p["b_proj"])
        shown, cache["show"] = layers.affine_forward(v, p["W_show"], p["b_show"])
        words, cache["embed"] = layers.word_embedding_forward(words_in, p["W_embed"])
        if dropout and rng:
            words, cache["drop_words"] = layers.dropout_forward(words, dropout, rng)
            shown, cache["drop_shown"] = layers.dropout_forward(shown, dropout, rng)
        # [word t, photo] Wx + b: the photo's part is the same at every step, and is multiplied once
        E = self.embed_dim
        gates, cache["gates"] = layers.affine_forward(shown, p["Wx"][E:], p["b"])
        activation = (self.activation,) if self.cell == "rnn" else ()
        lengths = (words_out != PAD).sum(axis=1)
        h, cache["cell"] = self._layer("forward")(
            words, h0, p["Wx"][:E], p["Wh"], gates, *activation, lengths=lengths, **self._precision
        )
        if dropout and rng:
            h, cache["drop_h"] = layers.dropout_forward(h, dropout, rng)
        return h, words_out, cache

    def _backward(self, dh: Array, cache: dict[str, Any]) -> dict[str, Array]:
        """The gradients of `params` from that of the hidden states: the layers of `_hidden`, last one first."""
        layers = self.layers
        g: dict[str, Array] = {}
        if "drop_h" in cache:
            dh = layers.dropout_backward(dh, cache["drop_h"])
        dwords, dh0, dWx_words, g["Wh"], dgates = self._layer("backward")(dh, cache["cell"])
        dshown, dWx_shown, g["b"] = layers.affine_backward(dgates, cache["gates"])
        g["Wx"] = np.concatenate([dWx_words, dWx_shown])
        if "drop_shown" in cache:
            dwords = layers.dropout_backward(dwords, cache["drop_words"])
            dshown = layers.dropout_backward(dshown, cache["drop_shown"])
        g["W_embed"] = layers.word_embedding_backward(dwords, cache["embed"])
        _, g["W_show"], g["b_show"] = layers.affine_backward(dshown, cache["show"])
        _, g["W_proj"], g["b_proj"] = layers.affine_backward(dh0, cache["proj"])
        return g

    def _layer(self, name: str) -> Any:
        return getattr(self.layers, f"{self.cell}_{name}")

    def standardise(self, features: Array) -> Array:
        """Features (N, F) less their mean, over their scale."""
        check_arrays("CaptionDecoder", mean=(self.feature_mean, "F"), features=(features, "N F"))
        v: Array = (features - self.feature_mean) / self.feature_scale
        return v


class StepwiseDecoder:
    """A decoder's weights at one moment, ready for a search: a state, and a step for each word.

    What it holds of the decoder's `params` may be a copy or not: do not train while it is in use.
    """

    def __init__(self, decoder: CaptionDecoder) -> None:
        p = decoder.params
        self._decoder = decoder
        weights = (p[name] for name in ("W_embed", "Wx", "Wh", "b", "W_vocab", "b_vocab"))
        self._step = decoder.layers.DecodingStep(decoder.cell, decoder.activation, *weights, **decoder._precision)

    def start(self, features: Array) -> State:
        """The state before the first word, for photos' features (N, F): arrays whose first axis is N."""
        p, affine = self._decoder.params, self._decoder.layers.affine_forward
        v = self._decoder.standardise(features)
        h0, _ = affine(v, p["W_proj"], p["b_proj"])
        shown, _ = affine(v, p["W_show"], p["b_show"])
        state: State = self._step.start(h0, shown)
        return state

    def step(self, words: IntArray, state: State) -> tuple[Array, State]:
        """The log-probabilities (R, V) of the word after `words` (R,), and the state after them."""
        after: tuple[Array, State] = self._step.step(words, state)
        return after

    def best(
        self, words: IntArray, state: State, count: int, never: tuple[int, ...] = ()
    ) -> tuple[Array, IntArray, State]:
        """Of `step` the likeliest `count` words that are not in `never`, best first: log-probabilities, ids (R, k)."""
        after: tuple[Array, IntArray, State] = self._step.best(words, state, count, never)
        return after


def _precision(precision: Precision, layers: ModuleType) -> dict[str, Precision]:
    """The keyword that the compiled layers take; none for float32, which the functional ones have as well."""
    if precision == "float32":
        return {}
    if layers is not kernels:
        raise ShowtellError(f"CaptionDecoder: precision {precision!r} needs the compiled layers, showtell.kernels")
    return {"precision": precision}


def _check_shapes(params: dict[str, Array], shapes: dict[str, tuple[int, ...]]) -> None:
    if params.keys() != shapes.keys():
        raise ShowtellError(f"CaptionDecoder: params are {sorted(params)}, expected {sorted(shapes)}")
    for name, shape in shapes.items():
        if params[name].shape != shape:
            raise ShowtellError(f"CaptionDecoder: {name} has shape {params[name].shape}, expected {shape}")
