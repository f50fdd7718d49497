"""Why a decoder says a word: where it attends, what the word owes to the photo, what the cell does."""

from __future__ import annotations

import numpy as np

from showtell.captioning.decoder import CaptionDecoder
from showtell.captioning.parameters import score_weights
from showtell.errors import ShowtellError
from showtell.nn import functional
from showtell.nn.functional import gru, lstm, rnn
from showtell.nn.functional.softmax import log_softmax
from showtell.nn.types import Array, IntArray
from showtell.text.vocabulary import PAD


def attention_maps(
    decoder: CaptionDecoder, features: Array, captions: IntArray, photo: IntArray | None = None
) -> Array:
    """Where a decoder attends to for each word of captions: how much it takes of each position, the mean of its heads.

    Args:
        decoder: with attention.
        features: of M photos, their grids (M, P, F).
        captions: word ids from the start on, padded at the end, (N, T + 1).
        photo: which photo each caption belongs to, (N,); if not given, caption i belongs to photo i.

    Returns:
        (N, T, P): of each word a distribution over the positions; 0 where a caption has no more words.

    Raises:
        ShowtellError: the decoder has no attention, or shapes do not fit together.
        IndexError: a word id or a photo is out of range.
    """
    attended = decoder.forward(features, captions, photo)[1].attend if decoder.config.attention_dim else None
    if attended is None:
        raise ShowtellError("attention_maps: the decoder sees the mean of the grid alone, it has no attention")
    maps = np.zeros((*attended.words.shape, features.shape[1]), features.dtype)
    maps[attended.words] = attended.attention.weights.mean(axis=1)
    return maps


def word_gradients(decoder: CaptionDecoder, features: Array, words: IntArray) -> tuple[Array, Array]:
    """How likely each of a caption's words was, and what that owes to the photo.

    Args:
        decoder: whose caption.
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
    z, cache = decoder.forward(np.broadcast_to(features, (T, *features.shape)), captions)
    W = score_weights(decoder.params)
    log_probs = log_softmax(z[steps, steps] @ W + decoder.params["b_vocab"])
    # d log p_k / d scores = one at k - p
    dscores = -np.exp(log_probs)
    dscores[steps, words[1:]] += 1
    dz = np.zeros_like(z)
    dz[steps, steps] = dscores @ W.T
    return log_probs, decoder.backward(dz, cache, with_features=True)["features"]


def gate_activations(decoder: CaptionDecoder, features: Array, words: IntArray) -> dict[str, Array]:
    """What the cell does at each word of a caption, arguments and errors as of `word_gradients`.

    Returns:
        By name, (T, H) each: the state `h`; of the LSTM its gates `i`, `f`, `o`, the candidate `g` and the cell
        state `c`; of the GRU its gates `r`, `z` and the candidate `n`.
    """
    # the compiled layers keep their gates in an order of their own
    readable = CaptionDecoder(decoder.config, decoder.params, decoder.statistics, backend=functional)
    kept = readable.forward(features[None], words[None])[1].sequence
    if isinstance(kept, lstm.Cache):
        i, f, o, g = np.split(kept.gates[0], 4, axis=1)
        return {"h": kept.h[0], "i": i, "f": f, "o": o, "g": g, "c": kept.c[0]}
    if isinstance(kept, gru.Cache):
        r, z, n = np.split(kept.gates[0], 3, axis=1)
        return {"h": kept.h[0], "r": r, "z": z, "n": n}
    assert isinstance(kept, rnn.Cache)
    return {"h": kept.h[0]}
