"""The decoder: a photo's features to the probabilities of words, one recurrent step a word.

    v      = (mean of the grid - feature_mean) / feature_scale
    h_0    = v W_proj + b_proj                            the photo is the first state,
    x_t    = [row of W_embed of word t, v W_image + b_image]    and the image input is beside every word
    h_t    = cell(x_t, h_{t-1})                           LSTM, GRU or vanilla RNN
    scores = h_t W_vocab + b_vocab

With attention each state attends to the grid, position by position, before the scores (see `captioning.attend`):

    z_t    = tanh([h_t, c_t] W_combine + b_combine)       of the state and its context
    scores = z_t W_embed^T + b_vocab                      the tied embedding; on the way in it is multiplied by sqrt(E)

Show and Tell (Vinyals et al. 2015, arXiv:1411.4555) with the photo in the first state, as in CS231n's captioning
assignment, and at every step, as in m-RNN (Mao et al. 2015, arXiv:1412.6632). The state that attends is that of the
step itself, as in Lu et al. 2017 (arXiv:1612.01887), so that nothing but the cell is recurrent: the queries of all
steps are answered at once. Tied vectors: Press & Wolf 2017 (arXiv:1608.05859).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from showtell.captioning.attend import Attend, AttendCache
from showtell.captioning.config import DecoderConfig
from showtell.captioning.dropout import Dropout, dropout_backward
from showtell.captioning.parameters import (
    STATISTICS,
    check_shapes,
    complete_statistics,
    embedding_scale,
    parameter_shapes,
    score_weights,
    standardize,
)
from showtell.errors import ShowtellError
from showtell.nn.backend import Backend, backend_named, check_precision, default_backend, recurrent_layer
from showtell.nn.caches import AffineCache, DropoutCache, EmbeddingCache, SequenceCache
from showtell.nn.choices import Precision
from showtell.nn.functional.checks import check_arrays
from showtell.nn.types import Array, IntArray
from showtell.text.vocabulary import PAD


@dataclass(frozen=True)
class ForwardCache:
    """What `CaptionDecoder.forward` keeps for its backward: whose each caption is, of M photos; the layers' caches."""

    photo: IntArray
    M: int
    projection: AffineCache
    image: AffineCache
    embedding: EmbeddingCache
    image_gates: AffineCache
    sequence: SequenceCache
    attend: AttendCache | None
    dropped_words: DropoutCache | None
    dropped_image: DropoutCache | None
    dropped_h: DropoutCache | None


class CaptionDecoder:
    """Loss and gradients of captions; `captioning.stepper` has the single step that a search takes.

    Args:
        config: sizes and kind.
        params: the weights by name, used as they are, without a copy; `captioning.parameters.initialize` draws some.
        statistics: of the features, (F,) each: `feature_mean`, `feature_scale`, and for attention `grid_mean`,
            `grid_scale`; means of 0 and scales of 1 if not given.
        backend: who computes; `nn.backend.default_backend()` if not given.
        precision: `"bf16"` rounds what large products multiply to bfloat16, in training and in decoding; the
            parameters and all sums stay float32. The compiled layers have it.

    Attributes:
        params: what is learnt, by name; all arithmetic is of their dtype.

    Raises:
        ShowtellError: weights or statistics are missing, too many or of another shape; a precision of another name, or
            bf16 without the compiled layers.
    """

    def __init__(
        self,
        config: DecoderConfig,
        params: dict[str, Array],
        statistics: Mapping[str, Array] | None = None,
        *,
        backend: Backend | None = None,
        precision: Precision = "float32",
    ) -> None:
        self.config, self.backend, self.precision = config, backend or default_backend(), precision
        check_precision(self.backend, precision)
        check_shapes(params, parameter_shapes(config))
        self.params = params
        self.statistics = complete_statistics(config, statistics or {}, params["b_vocab"].dtype)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"backend": self.backend.__name__}  # a module has a name in every process

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state | {"backend": backend_named(state["backend"])})

    @classmethod
    def from_arrays(
        cls,
        config: DecoderConfig,
        arrays: dict[str, Array],
        *,
        backend: Backend | None = None,
        precision: Precision = "float32",
    ) -> CaptionDecoder:
        """The decoder of which `arrays` came.

        Raises:
            ShowtellError: an array is missing, is one too many, or has another shape.
        """
        statistics = {name: array for name, array in arrays.items() if name in STATISTICS}
        params = {name: array for name, array in arrays.items() if name not in STATISTICS}
        return cls(config, params, statistics, backend=backend, precision=precision)

    def arrays(self) -> dict[str, Array]:
        """All that is to be stored: `params`, and the statistics of the features."""
        return self.params | self.statistics

    def with_params(self, params: dict[str, Array]) -> CaptionDecoder:
        """The same decoder with other weights, used as they are, without a copy.

        Raises:
            ShowtellError: weights are missing, too many or of another shape.
        """
        return CaptionDecoder(self.config, params, self.statistics, backend=self.backend, precision=self.precision)

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
            dropout: share of each word's vector, of the image input, of each hidden state and of what it is combined
                to that is dropped.
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
        if dropout and rng is None:
            raise ShowtellError("CaptionDecoder.loss: dropout needs rng, a numpy.random.Generator")
        z, cache = self.forward(features, captions, photo, Dropout(self.backend, dropout, rng))
        target = captions[:, 1:]
        loss, (dz, dW_vocab, db_vocab) = self.backend.vocabulary_loss(
            z,
            score_weights(self.params),
            self.params["b_vocab"],
            target,
            target != PAD,
            label_smoothing,
            weight=weight,
            precision=self.precision,
        )
        grads = self.backward(dz, cache, with_features=with_features)
        if self.config.attention_dim:
            grads["W_embed"] += dW_vocab.T  # the embedding is tied
        else:
            grads["W_vocab"] = dW_vocab
        return float(loss), grads | {"b_vocab": db_vocab}

    def evaluate(self, features: Array, captions: IntArray, photo: IntArray | None = None) -> float:
        """The loss alone, without dropout and label smoothing; arguments and errors as of `loss`."""
        z, _ = self.forward(features, captions, photo, with_cache=False)
        W, b, target = score_weights(self.params), self.params["b_vocab"], captions[:, 1:]
        loss, _ = self.backend.vocabulary_loss(
            z, W, b, target, target != PAD, gradients=False, precision=self.precision
        )
        return float(loss)

    def log_probs(self, features: Array, captions: IntArray, photo: IntArray | None = None) -> Array:
        """The log-probability of each word of captions given their photos, (N, T), 0 at padding.

        Arguments and errors are those of `loss`.
        """
        z, _ = self.forward(features, captions, photo, with_cache=False)
        W, b, target = score_weights(self.params), self.params["b_vocab"], captions[:, 1:]
        return self.backend.vocabulary_log_probs(z, W, b, target, target != PAD, precision=self.precision)

    def forward(
        self,
        features: Array,
        captions: IntArray,
        photo: IntArray | None = None,
        dropout: Dropout | None = None,
        *,
        with_cache: bool = True,
    ) -> tuple[Array, ForwardCache]:
        """What the scores are made from, (N, T, H), or with attention (N, T, E), and the cache for `backward`.

        Arguments and errors are those of `loss`; nothing is dropped if `dropout` is not given. `with_cache=False`
        leaves out what only a backward needs.
        """
        backend, p, E, M = self.backend, self.params, self.config.embed_dim, len(features)
        photo, dropout = _check_photo(photo, len(captions), M), dropout or Dropout(backend)
        words_in, counts = captions[:, :-1], captions[:, 1:] != PAD

        v = standardize(self.pooled(features), self.statistics, "feature")
        h0, projection = backend.affine_forward(v, p["W_proj"], p["b_proj"])
        image, image_cache = backend.affine_forward(v, p["W_image"], p["b_image"])
        words, embedding = backend.word_embedding_forward(words_in, p["W_embed"])
        words, dropped_words = dropout.forward(words * embedding_scale(self.config, p["b_vocab"].dtype))
        image, dropped_image = dropout.forward(image[photo])
        # [word t, image] Wx + b: the image's part is the same at every step, and is multiplied once
        gates, image_gates = backend.affine_forward(image, p["Wx"][E:], p["b"])
        layer = recurrent_layer(backend, self.config.cell, self.config.activation)
        h, sequence = layer.forward(
            words,
            h0[photo],
            p["Wx"][:E],
            p["Wh"],
            gates,
            lengths=counts.sum(axis=1),
            with_cache=with_cache,
            precision=self.precision,
        )
        z, dropped_h = dropout.forward(h)
        attended = None
        if self.config.attention_dim:
            z, attended = self._attend().forward(z, features, photo, counts, dropout)
        cache = ForwardCache(
            photo, M, projection, image_cache, embedding, image_gates, sequence, attended,
            dropped_words, dropped_image, dropped_h,
        )  # fmt: skip
        return z, cache

    def backward(self, dz: Array, cache: ForwardCache, *, with_features: bool = False) -> dict[str, Array]:
        """From the gradient of `forward`'s value to those of what it used of `params`: its layers, last one first.

        The features' own, under the name `features`, is there if asked for.
        """
        backend, config, photo, M = self.backend, self.config, cache.photo, cache.M
        grads: dict[str, Array] = {}
        dh, dgrid = dz, None
        if cache.attend is not None:
            dh, dgrid, grads = self._attend().backward(dz, cache.attend, with_grid=with_features)
        dh = dropout_backward(backend, dh, cache.dropped_h)
        layer = recurrent_layer(backend, config.cell, config.activation)
        dwords, dh0, dWx_words, grads["Wh"], dgates = layer.backward(dh, cache.sequence)
        dimage, dWx_image, grads["b"] = backend.affine_backward(dgates, cache.image_gates)
        grads["Wx"] = np.concatenate([dWx_words, dWx_image])
        dwords = dropout_backward(backend, dwords, cache.dropped_words) * embedding_scale(config, dwords.dtype)
        grads["W_embed"] = backend.word_embedding_backward(dwords, cache.embedding)
        dimage = _sum_by(photo, dropout_backward(backend, dimage, cache.dropped_image), M)
        dv_image, grads["W_image"], grads["b_image"] = backend.affine_backward(
            dimage, cache.image, with_dx=with_features
        )
        dv_proj, grads["W_proj"], grads["b_proj"] = backend.affine_backward(
            _sum_by(photo, dh0, M), cache.projection, with_dx=with_features
        )
        if dv_image is not None and dv_proj is not None:
            # v = (pooled - mean) / scale
            grads["features"] = (dv_image + dv_proj) / self.statistics["feature_scale"]
            if dgrid is not None:
                # pooled = mean of the grid's positions
                grads["features"] = dgrid + grads["features"][:, None] / dgrid.shape[1]
        return grads

    def pooled(self, features: Array) -> Array:
        """Photos' features, (M, F), or with attention the means of their grids (M, P, F).

        Raises:
            ShowtellError: shapes or dtypes do not fit together.
        """
        mean, pattern = self.statistics["feature_mean"], "M P F" if self.config.attention_dim else "M F"
        check_arrays("CaptionDecoder", mean=(mean, "F"), features=(features, pattern))
        return features.mean(axis=1) if self.config.attention_dim else features

    def _attend(self) -> Attend:
        return Attend(self.config, self.params, self.statistics, self.backend, self.precision)


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
