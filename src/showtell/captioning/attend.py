"""Between a decoder's states and its scores, where it has attention: each state attends to its photo's grid.

    g   = (grid - grid_mean) / grid_scale
    q_t = h_t W_query + b_query                    against the keys g W_key (a bias would change nothing),
    c_t = attention(q_t)                           of the values g W_value + b_value
    z_t = tanh([h_t, c_t] W_combine + b_combine)

The queries of all steps are answered at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from showtell.captioning.config import DecoderConfig
from showtell.captioning.dropout import Dropout, dropout_backward
from showtell.captioning.parameters import standardize
from showtell.nn.backend import Backend
from showtell.nn.caches import AffineCache, AttentionCache, DropoutCache
from showtell.nn.choices import Precision
from showtell.nn.types import Array, IntArray


@dataclass(frozen=True)
class AttendCache:
    """What `Attend.forward` keeps for its backward: `words` is true at the words that count, (N, T)."""

    words: NDArray[np.bool_]
    key: AffineCache
    value: AffineCache
    query: AffineCache
    attention: AttentionCache
    combine: AffineCache
    tanh: Array
    dropped: DropoutCache | None


@dataclass(frozen=True)
class Attend:
    """The layers, with a decoder's weights."""

    config: DecoderConfig
    params: Mapping[str, Array]
    statistics: Mapping[str, Array]
    backend: Backend
    precision: Precision

    def forward(
        self, h: Array, grid: Array, photo: IntArray, words: NDArray[np.bool_], dropout: Dropout
    ) -> tuple[Array, AttendCache]:
        """The states combined with what they attend to.

        Args:
            h: hidden states, (N, T, H).
            grid: of M photos, (M, P, F).
            photo: which photo each caption belongs to, (N,).
            words: true at the words that count, (N, T); no other state attends.
            dropout: of the result.

        Returns:
            z (N, T, E), 0 where no word counts, and the cache for the backward.
        """
        p, affine, precision = self.params, self.backend.affine_forward, self.precision
        flat = standardize(grid, self.statistics, "grid").reshape(-1, self.config.feature_dim)
        keys, key = affine(flat, p["W_key"], np.zeros_like(p["b_value"]), precision=precision)
        values, value = affine(flat, p["W_value"], p["b_value"], precision=precision)
        shape = (*grid.shape[:2], self.config.attention_dim)
        keys, values = keys.reshape(shape), values.reshape(shape)

        rows, of_row = h[words], np.broadcast_to(photo[:, None], words.shape)[words]
        queries, query = affine(rows, p["W_query"], p["b_query"], precision=precision)
        context, attention = self.backend.attention_forward(queries, keys, values, of_row, self.config.heads)
        both = np.concatenate([rows, context], axis=1)
        a, combine = affine(both, p["W_combine"], p["b_combine"], precision=precision)
        tanh = np.tanh(a)
        z = np.zeros((*words.shape, self.config.embed_dim), h.dtype)
        z[words], dropped = dropout.forward(tanh)
        return z, AttendCache(words, key, value, query, attention, combine, tanh, dropped)

    def backward(
        self, dz: Array, cache: AttendCache, *, with_grid: bool
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """Backward of `forward`: dz (N, T, E) -> dh (N, T, H), dgrid if it is wanted, the parameters' gradients."""
        backward, H, grads = self.backend.affine_backward, self.config.hidden_dim, dict[str, Array]()
        # z = tanh(a)
        da = dropout_backward(self.backend, dz[cache.words], cache.dropped) * (1 - cache.tanh**2)
        # a = [h, context] W_combine + b_combine
        dboth, grads["W_combine"], grads["b_combine"] = backward(da, cache.combine)
        # context = attention(query, keys, values)
        dquery, dkeys, dvalues = self.backend.attention_backward(dboth[:, H:], cache.attention)
        drows, grads["W_query"], grads["b_query"] = backward(dquery, cache.query)
        dh = np.zeros((*cache.words.shape, H), dz.dtype)
        dh[cache.words] = drows + dboth[:, :H]
        # keys, values = g W + b
        M, P, A = dkeys.shape
        dkey, grads["W_key"], _ = backward(dkeys.reshape(-1, A), cache.key, with_dx=with_grid)
        dvalue, grads["W_value"], grads["b_value"] = backward(dvalues.reshape(-1, A), cache.value, with_dx=with_grid)
        if dkey is None or dvalue is None:
            return dh, None, grads
        # g = (grid - mean) / scale
        dgrid = ((dkey + dvalue) / self.statistics["grid_scale"]).reshape(M, P, self.config.feature_dim)
        return dh, dgrid, grads
