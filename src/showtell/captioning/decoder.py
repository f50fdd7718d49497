"""The decoder: a photo's features to the probabilities of words, one recurrent step a word.

    v      = (mean of the grid - feature_mean) / feature_scale
    h_0    = v W_proj + b_proj                            the photo is the first state,
    x_t    = [row of W_embed of word t, v W_show + b_show]    and is shown again beside every word
    h_t    = cell(x_t, h_{t-1})                           LSTM, GRU or vanilla RNN
    scores = h_t W_vocab + b_vocab

With attention each state looks at the grid, position by position, before it speaks:

    g      = (grid - grid_mean) / grid_scale
    q_t    = h_t W_query + b_query                        against the keys g W_key (a bias would change nothing),
    c_t    = attention(q_t)                               of the values g W_value + b_value
    z_t    = tanh([h_t, c_t] W_join + b_join)
    scores = z_t W_embed^T + b_vocab                      words' vectors serve both ways, those that go in times sqrt(E)

Show and Tell (Vinyals et al. 2015, arXiv:1411.4555) with the photo in the first state, as in CS231n's captioning
assignment, and at every step, as in m-RNN (Mao et al. 2015, arXiv:1412.6632). The state that looks is that of the
step itself, as in Lu et al. 2017 (arXiv:1612.01887), so that nothing but the cell is recurrent: the queries of all
steps are answered at once. Tied vectors: Press & Wolf 2017 (arXiv:1608.05859).
"""

from __future__ import annotations

import copy
import math
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from showtell.errors import ShowtellError
from showtell.nn import functional, initialization, kernels
from showtell.nn.backend import best_layers
from showtell.nn.choices import Activation, Cell, Precision, RecurrentInit
from showtell.nn.functional.activations import check_activation
from showtell.nn.functional.attention import check_heads
from showtell.nn.functional.checks import check_arrays
from showtell.nn.functional.decoding import GATES, Attention, State
from showtell.nn.functional.softmax import log_softmax
from showtell.nn.types import Array, IntArray
from showtell.text.vocabulary import PAD

_STATISTICS = ("feature_mean", "feature_scale", "grid_mean", "grid_scale")


class CaptionDecoder:
    """Parameters, loss and gradients, and the single step that a search takes.

    Args:
        vocab_size: V, specials included.
        feature_dim: F, width of a photo's features.
        embed_dim: E, width of a word's vector, and of the photo's beside it.
        hidden_dim: H, width of the state.
        attention_dim: A, width of queries, keys and values; 0 for a decoder that sees the mean of the grid alone.
        heads: parts that the queries are cut into.
        cell: `"lstm"`, `"gru"` or `"rnn"`.
        activation: of the vanilla network, `"tanh"` or `"relu"`; the gated cells have their own.
        init: of the hidden-to-hidden weights, `"orthogonal"`, `"xavier"` or `"identity"`.
        forget_bias: where the bias of the LSTM's forget gate begins (Jozefowicz, Zaremba & Sutskever 2015).
        statistics: of the features, (F,) each: `feature_mean`, `feature_scale`, and for attention `grid_mean`,
            `grid_scale`; means of 0 and scales of 1 if not given.
        dtype: of the parameters and of all arithmetic.
        rng: where the first weights come from; seeded with 0 if not given.
        params: weights to begin with instead, used as they are, without a copy.
        layers: who computes: `showtell.nn.functional` or `showtell.nn.kernels`; if not given the latter, where it is
            there.
        precision: `"bf16"` rounds what large products multiply to bfloat16, in training and in decoding; the
            parameters and all sums stay float32. The compiled layers have it.

    Attributes:
        params: what is learnt, by name.

    Raises:
        ShowtellError: a cell, activation, init or precision of another name; weights missing, too many or of another
            shape; bf16 without the compiled layers; heads that do not divide attention_dim.
    """

    def __init__(
        self,
        vocab_size: int,
        feature_dim: int,
        embed_dim: int,
        hidden_dim: int,
        *,
        attention_dim: int = 0,
        heads: int = 1,
        cell: Cell = "lstm",
        activation: Activation = "tanh",
        init: RecurrentInit = "orthogonal",
        forget_bias: float = 1.0,
        statistics: dict[str, Array] | None = None,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None,
        params: dict[str, Array] | None = None,
        layers: ModuleType | None = None,
        precision: Precision = "float32",
    ) -> None:
        if cell not in GATES:
            raise ShowtellError(f"cell is {cell!r}, expected one of {', '.join(map(repr, GATES))}")
        check_activation(activation)
        if attention_dim:
            check_heads("CaptionDecoder", heads, attention_dim)
        self.vocab_size, self.feature_dim = vocab_size, feature_dim
        self.embed_dim, self.hidden_dim = embed_dim, hidden_dim
        self.attention_dim, self.heads = attention_dim, heads
        self.cell, self.activation, self.layers = cell, activation, layers or best_layers()
        self.statistics = {
            name: np.asarray(array, dtype) for name, array in (self._no_statistics() | (statistics or {})).items()
        }
        _check_shapes(self.statistics, dict.fromkeys(self._no_statistics(), (feature_dim,)))
        self._precision = _precision(precision, self.layers)
        if params is None:
            params = self._initial(init, forget_bias, rng or np.random.default_rng(0), dtype)
        _check_shapes(params, self._shapes())
        self.params = params

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"layers": self.layers.__name__}  # a module has a name in every process

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state | {"layers": import_module(state["layers"])})

    def loss(
        self,
        features: Array,
        captions: IntArray,
        photo: IntArray | None = None,
        *,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        weight: Array | None = None,
        rng: np.random.Generator | None = None,
        with_features: bool = False,
    ) -> tuple[float, dict[str, Array]]:
        """The loss of captions given their photos, and its gradients.

        Args:
            features: of M photos, their pooled features (M, F), or with attention their grids (M, P, F).
            captions: word ids from the start on, padded at the end, (N, T + 1): words 0..T-1 go in, 1..T are predicted.
            photo: which photo each caption belongs to, (N,); if not given, caption i belongs to photo i.
            dropout: share of each word's vector, of the photo's, of each hidden state and of what is joined that is
                dropped.
            label_smoothing: share of the target that goes to all words alike.
            weight: what each caption's loss is multiplied by, (N,), such as a reward less a baseline.
            rng: where dropout's randomness comes from; needed if dropout is above 0.
            with_features: whether the gradient with respect to the features is wanted too, for an encoder that learns.

        Returns:
            The cross-entropy summed over a caption's words, mean over the captions; the gradient of each of `params`,
            and if asked for, under the name `features`, theirs, of the features' shape.

        Raises:
            ShowtellError: shapes or dtypes do not fit together, or a setting is out of range.
            IndexError: a word id or a photo is out of range.
        """
        z, words_out, cache = self._forward(features, captions, photo, dropout, rng)
        loss, (dz, dW_vocab, db_vocab) = self.layers.vocabulary_loss(
            z,
            self._score_weights(),
            self.params["b_vocab"],
            words_out,
            words_out != PAD,
            label_smoothing,
            weight=weight,
            **self._precision,
        )
        grads = self._backward(dz, cache, with_features=with_features)
        if self.attention_dim:
            grads["W_embed"] += dW_vocab.T  # words' vectors serve both ways
        else:
            grads["W_vocab"] = dW_vocab
        return float(loss), grads | {"b_vocab": db_vocab}

    def evaluate(self, features: Array, captions: IntArray, photo: IntArray | None = None) -> float:
        """The loss alone, without dropout and label smoothing; arguments and errors as of `loss`."""
        z, words_out, _ = self._forward(features, captions, photo, 0.0, None)
        W, b, real = self._score_weights(), self.params["b_vocab"], words_out != PAD
        loss, _ = self.layers.vocabulary_loss(z, W, b, words_out, real, gradients=False, **self._precision)
        return float(loss)

    def looks(self, features: Array, captions: IntArray, photo: IntArray | None = None) -> Array:
        """Where the decoder looked for each word of captions: how much it took of each position, the mean of its heads.

        Args:
            features: of M photos, their grids (M, P, F).
            captions: as of `loss`, (N, T + 1).
            photo: as of `loss`.

        Returns:
            (N, T, P): of each word a distribution over the positions; 0 where a caption has no more words.

        Raises:
            ShowtellError: the decoder has no attention, or shapes do not fit together.
            IndexError: a word id or a photo is out of range.
        """
        if not self.attention_dim:
            raise ShowtellError(
                "CaptionDecoder.looks: the decoder sees the mean of the grid alone, it has no attention"
            )
        _, _, cache = self._forward(features, captions, photo, 0.0, None)
        looks = np.zeros((*cache["real"].shape, features.shape[1]), features.dtype)
        looks[cache["real"]] = cache["attention"].weights.mean(axis=1)
        return looks

    def word_gradients(self, features: Array, words: IntArray) -> tuple[Array, Array]:
        """Why a photo's words: how likely each was, and what that owes to the photo.

        Args:
            features: of one photo, pooled (F,), or with attention its grid (P, F).
            words: word ids of a caption from the start on, (T + 1,), without padding.

        Returns:
            The log-probabilities of all words at each step, (T, V), and the gradient of the log-probability of word
            t + 1 with respect to the features, (T, F) or (T, P, F), for each step t.

        Raises:
            ShowtellError: shapes or dtypes do not fit together.
            IndexError: a word id is out of range.
        """
        # each step is the last one of a caption of its own, with a photo of its own: no gradient mixes with another's
        T = len(words) - 1
        steps = np.arange(T)
        captions = np.where(np.arange(T + 1) <= steps[:, None] + 1, words, PAD)
        z, _, cache = self._forward(np.broadcast_to(features, (T, *features.shape)), captions, None, 0.0, None)
        W = self._score_weights()
        log_probs = log_softmax(z[steps, steps] @ W + self.params["b_vocab"])
        # d log p_k / d scores = one at k - p
        dscores = -np.exp(log_probs)
        dscores[steps, words[1:]] += 1
        dz = np.zeros_like(z)
        dz[steps, steps] = dscores @ W.T
        return log_probs, self._backward(dz, cache, with_features=True)["features"]

    def activity(self, features: Array, words: IntArray) -> dict[str, Array]:
        """What the cell does at each word of a caption, arguments and errors as of `word_gradients`.

        Returns:
            By name, (T, H) each: the state `h`; of the LSTM its gates `i`, `f`, `o`, the candidate `g` and the cell
            state `c`; of the GRU its gates `r`, `z` and the candidate `n`.
        """
        readable = copy.copy(self)  # the compiled layers keep their gates in an order of their own
        readable.layers, readable._precision = functional, {}
        cell = readable._forward(features[None], words[None], None, 0.0, None)[2]["cell"]
        found = {"h": cell.h[0]}
        if self.cell != "rnn":
            names = "ifog" if self.cell == "lstm" else "rzn"
            found |= dict(zip(names, np.split(cell.gates[0], len(names), axis=1), strict=True))
        return found | {"c": cell.c[0]} if self.cell == "lstm" else found

    def stepwise(self) -> StepwiseDecoder:
        """What a search needs, with the weights as they are now."""
        return StepwiseDecoder(self)

    def with_params(self, params: dict[str, Array]) -> CaptionDecoder:
        """The same decoder with other weights, used as they are, without a copy.

        Raises:
            ShowtellError: weights are missing, too many or of another shape.
        """
        _check_shapes(params, self._shapes())
        other = copy.copy(self)
        other.params = params
        return other

    def config(self) -> dict[str, Any]:
        """What `from_arrays` needs beside the arrays, ready for JSON."""
        names = ("vocab_size", "feature_dim", "embed_dim", "hidden_dim", "attention_dim", "heads", "cell", "activation")
        return {name: getattr(self, name) for name in names}

    def arrays(self) -> dict[str, Array]:
        """All that is to be stored: `params`, and the statistics of the features."""
        return self.params | self.statistics

    @classmethod
    def from_arrays(
        cls,
        config: dict[str, Any],
        arrays: dict[str, Array],
        layers: ModuleType | None = None,
        precision: Precision = "float32",
    ) -> CaptionDecoder:
        """The decoder of which `config` and `arrays` came.

        Raises:
            ShowtellError: an array is missing, is one too many, or has another shape.
        """
        statistics = {name: array for name, array in arrays.items() if name in _STATISTICS}
        params = {name: array for name, array in arrays.items() if name not in _STATISTICS}
        dtype = np.result_type(np.float32, *arrays.values())
        return cls(**config, statistics=statistics, params=params, dtype=dtype, layers=layers, precision=precision)

    def _no_statistics(self) -> dict[str, Array]:
        names = _STATISTICS if self.attention_dim else _STATISTICS[:2]
        return {name: (np.ones if name.endswith("scale") else np.zeros)(self.feature_dim) for name in names}

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        V, F, E, H, A = self.vocab_size, self.feature_dim, self.embed_dim, self.hidden_dim, self.attention_dim
        G = GATES[self.cell] * H
        shapes: dict[str, tuple[int, ...]] = {
            "W_proj": (F, H),
            "b_proj": (H,),
            "W_show": (F, E),
            "b_show": (E,),
            "W_embed": (V, E),
            "Wx": (2 * E, G),
            "Wh": (H, G),
            "b": (G,),
        }
        if A:
            shapes |= {"W_key": (F, A), "W_value": (F, A), "b_value": (A,)}
            shapes |= {"W_query": (H, A), "b_query": (A,), "W_join": (H + A, E), "b_join": (E,)}
        else:
            shapes["W_vocab"] = (H, V)
        return shapes | {"b_vocab": (V,)}

    def _initial(
        self, init: RecurrentInit, forget_bias: float, rng: np.random.Generator, dtype: DTypeLike
    ) -> dict[str, Array]:
        E, H, gates = self.embed_dim, self.hidden_dim, GATES[self.cell]
        params: dict[str, Array] = {}
        for name, shape in self._shapes().items():
            if name == "W_embed":
                deviation = 1 / self._word_scale if self.attention_dim else 0.1
                params[name] = (deviation * rng.standard_normal(shape)).astype(dtype)
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

    @property
    def _word_scale(self) -> Any:
        """What words' vectors are multiplied by on the way in; where they are tied, they must be small on the way out.

        Vaswani et al. 2017, section 3.4.
        """
        dtype = self.statistics["feature_mean"].dtype
        return dtype.type(math.sqrt(self.embed_dim) if self.attention_dim else 1)

    def _score_weights(self) -> Array:
        """(H, V), or with attention the words' vectors turned round, (E, V)."""
        return self.params["W_embed"].T if self.attention_dim else self.params["W_vocab"]

    def _forward(
        self,
        features: Array,
        captions: IntArray,
        photo: IntArray | None,
        dropout: float,
        rng: np.random.Generator | None,
    ) -> tuple[Array, IntArray, dict[str, Any]]:
        """What the scores are made from (N, T, H or E), the words to predict (N, T), the layers' caches by name."""
        if dropout and rng is None:
            raise ShowtellError("CaptionDecoder.loss: dropout needs rng, a numpy.random.Generator")
        layers, p, E = self.layers, self.params, self.embed_dim
        words_in, words_out = captions[:, :-1], captions[:, 1:]
        photo = _check_photo(photo, len(captions), len(features))
        cache: dict[str, Any] = {"photo": photo, "photos": len(features)}

        def drop(x: Array, name: str) -> Array:
            if dropout and rng:
                x, cache[name] = layers.dropout_forward(x, dropout, rng)
            return x

        v = self._standardized(self._pooled(features), "feature")
        h0, cache["proj"] = layers.affine_forward(v, p["W_proj"], p["b_proj"])
        shown, cache["show"] = layers.affine_forward(v, p["W_show"], p["b_show"])
        words, cache["embed"] = layers.word_embedding_forward(words_in, p["W_embed"])
        words = words * self._word_scale
        words, shown = drop(words, "drop_words"), drop(shown[photo], "drop_shown")
        # [word t, photo] Wx + b: the photo's part is the same at every step, and is multiplied once
        gates, cache["gates"] = layers.affine_forward(shown, p["Wx"][E:], p["b"])
        activation = (self.activation,) if self.cell == "rnn" else ()
        h, cache["cell"] = self._layer("forward")(
            words,
            h0[photo],
            p["Wx"][:E],
            p["Wh"],
            gates,
            *activation,
            lengths=(words_out != PAD).sum(axis=1),
            **self._precision,
        )
        h = drop(h, "drop_h")
        if not self.attention_dim:
            return h, words_out, cache
        # only the words that count look
        cache["real"] = real = words_out != PAD
        rows, of_row = h[real], np.broadcast_to(photo[:, None], real.shape)[real]
        keys, values = self._keys_and_values(features, cache)
        query, cache["query"] = layers.affine_forward(rows, p["W_query"], p["b_query"], **self._precision)
        context, cache["attention"] = layers.attention_forward(query, keys, values, of_row, self.heads)
        joined = np.concatenate([rows, context], axis=1)
        a, cache["join"] = layers.affine_forward(joined, p["W_join"], p["b_join"], **self._precision)
        cache["tanh"] = np.tanh(a)
        z = np.zeros((*real.shape, E), h.dtype)
        z[real] = drop(cache["tanh"], "drop_z")
        return z, words_out, cache

    def _backward(self, dz: Array, cache: dict[str, Any], *, with_features: bool = False) -> dict[str, Array]:
        """From the gradient of `_forward`'s value to those of what it used of `params`: its layers, last one first.

        The features' own, under the name `features`, is there if asked for.
        """
        layers, photo = self.layers, cache["photo"]
        g: dict[str, Array] = {}

        def undrop(dx: Array, name: str) -> Array:
            return layers.dropout_backward(dx, cache[name]) if name in cache else dx

        dh = dz
        if self.attention_dim:
            real, H = cache["real"], self.hidden_dim
            da = undrop(dz[real], "drop_z") * (1 - cache["tanh"] ** 2)
            djoined, g["W_join"], g["b_join"] = layers.affine_backward(da, cache["join"])
            dquery, dkeys, dvalues = layers.attention_backward(djoined[:, H:], cache["attention"])
            drows, g["W_query"], g["b_query"] = layers.affine_backward(dquery, cache["query"])
            dkeys, dvalues = (d.reshape(-1, self.attention_dim) for d in (dkeys, dvalues))
            dk, g["W_key"], _ = layers.affine_backward(dkeys, cache["key"], with_dx=with_features)
            dv, g["W_value"], g["b_value"] = layers.affine_backward(dvalues, cache["value"], with_dx=with_features)
            dh = np.zeros((*real.shape, H), dz.dtype)
            dh[real] = drows + djoined[:, :H]
        dh = undrop(dh, "drop_h")
        dwords, dh0, dWx_words, g["Wh"], dgates = self._layer("backward")(dh, cache["cell"])
        dshown, dWx_shown, g["b"] = layers.affine_backward(dgates, cache["gates"])
        g["Wx"] = np.concatenate([dWx_words, dWx_shown])
        M = cache["photos"]
        dwords, dshown = undrop(dwords, "drop_words"), _sum_by(photo, undrop(dshown, "drop_shown"), M)
        g["W_embed"] = layers.word_embedding_backward(dwords * self._word_scale, cache["embed"])
        dv_show, g["W_show"], g["b_show"] = layers.affine_backward(dshown, cache["show"], with_dx=with_features)
        dh0 = _sum_by(photo, dh0, M)
        dv_proj, g["W_proj"], g["b_proj"] = layers.affine_backward(dh0, cache["proj"], with_dx=with_features)
        if with_features:
            # v = (pooled - mean) / scale
            g["features"] = (dv_show + dv_proj) / self.statistics["feature_scale"]
            if self.attention_dim:
                # pooled = mean of the grid's positions; keys and values come of (grid - mean) / scale
                P = cache["attention"].weights.shape[-1]
                dgrid = ((dk + dv) / self.statistics["grid_scale"]).reshape(M, P, self.feature_dim)
                g["features"] = dgrid + g["features"][:, None] / P
        return g

    def _layer(self, name: str) -> Any:
        return getattr(self.layers, f"{self.cell}_{name}")

    def _pooled(self, features: Array) -> Array:
        """Photos' features, (M, F), or the means of their grids (M, P, F)."""
        mean, pattern = self.statistics["feature_mean"], "M P F" if self.attention_dim else "M F"
        check_arrays("CaptionDecoder", mean=(mean, "F"), features=(features, pattern))
        return features.mean(axis=1) if self.attention_dim else features

    def _standardized(self, features: Array, kind: str) -> Array:
        standardized: Array = (features - self.statistics[f"{kind}_mean"]) / self.statistics[f"{kind}_scale"]
        return standardized

    def _keys_and_values(self, grid: Array, cache: dict[str, Any]) -> tuple[Array, Array]:
        """Keys and values (M, P, A) of photos' grids (M, P, F); what their backward needs goes into `cache`."""
        flat = self._standardized(grid, "grid").reshape(-1, self.feature_dim)
        shape, p, affine = (*grid.shape[:2], self.attention_dim), self.params, self.layers.affine_forward
        keys, cache["key"] = affine(flat, p["W_key"], np.zeros_like(p["b_value"]), **self._precision)
        values, cache["value"] = affine(flat, p["W_value"], p["b_value"], **self._precision)
        return keys.reshape(shape), values.reshape(shape)


class StepwiseDecoder:
    """A decoder's weights at one moment, ready for a search: a state, and a step for each word.

    What it holds of the decoder's `params` may be a copy or not: do not train while it is in use.
    """

    def __init__(self, decoder: CaptionDecoder) -> None:
        p = decoder.params
        self._decoder = decoder
        words = p["W_embed"] * decoder._word_scale
        weights = (words, *(p[name] for name in ("Wx", "Wh", "b")), decoder._score_weights(), p["b_vocab"])
        attention = None
        if decoder.attention_dim:
            attention = Attention(p["W_query"], p["b_query"], p["W_join"], p["b_join"], decoder.heads)
        self._step = decoder.layers.DecodingStep(
            decoder.cell, decoder.activation, *weights, attention=attention, **decoder._precision
        )
        self._inputs = [self._of_features("feature", "proj"), self._of_features("feature", "show")]
        if attention:
            self._inputs += [self._of_features("grid", name, **decoder._precision) for name in ("key", "value")]

    def start(self, features: Array) -> State:
        """The state before the first word, for photos' features (N, F) or grids (N, P, F)."""
        decoder, (proj, show, *grid) = self._decoder, self._inputs
        pooled, flat = decoder._pooled(features), features.reshape(-1, decoder.feature_dim)
        h0, shown, looked_at = proj(pooled), show(pooled), (affine(flat) for affine in grid)
        shape = (*features.shape[:2], decoder.attention_dim)
        state: State = self._step.start(h0, shown, *(rows.reshape(shape) for rows in looked_at))
        return state

    def _of_features(self, kind: str, name: str, **precision: Precision) -> Any:
        """W_name and b_name for features that are not standardized: mean and scale go into the weights, once."""
        params, statistics = self._decoder.params, self._decoder.statistics
        W, scale = params[f"W_{name}"], statistics[f"{kind}_scale"]
        b = params.get(f"b_{name}", np.zeros_like(W[0]))
        b = b - (statistics[f"{kind}_mean"] / scale) @ W
        return self._decoder.layers.Affine(W / scale[:, None], b, **precision)

    @property
    def vocab_size(self) -> int:
        """V, specials included."""
        return self._decoder.vocab_size

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
        raise ShowtellError(f"CaptionDecoder: precision {precision!r} needs the compiled layers, showtell.nn.kernels")
    return {"precision": precision}


def _check_photo(photo: IntArray | None, captions: int, photos: int) -> IntArray:
    if photo is None:
        photo = np.arange(captions)
    if photo.shape != (captions,):
        raise ShowtellError(f"CaptionDecoder: photo has shape {photo.shape}, expected {(captions,)} = (N,)")
    if photo.size and not 0 <= photo.min() <= photo.max() < photos:
        raise IndexError(f"CaptionDecoder: photo holds {photo.min()} to {photo.max()}, expected 0 to {photos - 1}")
    return photo


def _sum_by(photo: IntArray, rows: Array, photos: int) -> Array:
    """The sums of the rows (N, any) of each photo, (M, any): the backward of taking a photo's row for each caption."""
    sums = np.zeros((photos, rows.shape[1]), rows.dtype)
    if rows.size:
        order = np.argsort(photo, kind="stable")
        known, starts = np.unique(photo[order], return_index=True)
        sums[known] = np.add.reduceat(rows[order], starts, axis=0)
    return sums


def _check_shapes(arrays: dict[str, Array], shapes: dict[str, tuple[int, ...]]) -> None:
    if arrays.keys() != shapes.keys():
        raise ShowtellError(f"CaptionDecoder: params are {sorted(arrays)}, expected {sorted(shapes)}")
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ShowtellError(f"CaptionDecoder: {name} has shape {arrays[name].shape}, expected {shape}")
