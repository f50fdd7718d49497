"""A decoder's arrays by name: the parameters, which are learnt, and the statistics of the features."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from showtell.captioning.config import DecoderConfig
from showtell.errors import ShowtellError
from showtell.nn import initialization
from showtell.nn.choices import GATES, RecurrentInit
from showtell.nn.types import Array

STATISTICS = ("feature_mean", "feature_scale", "grid_mean", "grid_scale")
"""Of the features, (F,) each; the last two where there is attention."""


def parameter_shapes(config: DecoderConfig) -> dict[str, tuple[int, ...]]:
    """The parameters of a decoder, in the order in which they are drawn."""
    V, F, E, H, A = config.vocab_size, config.feature_dim, config.embed_dim, config.hidden_dim, config.attention_dim
    G = GATES[config.cell] * H
    shapes: dict[str, tuple[int, ...]] = {
        "W_proj": (F, H),
        "b_proj": (H,),
        "W_image": (F, E),
        "b_image": (E,),
        "W_embed": (V, E),
        "Wx": (2 * E, G),
        "Wh": (H, G),
        "b": (G,),
    }
    if A:
        shapes |= {"W_key": (F, A), "W_value": (F, A), "b_value": (A,)}
        shapes |= {"W_query": (H, A), "b_query": (A,), "W_combine": (H + A, E), "b_combine": (E,)}
    else:
        shapes["W_vocab"] = (H, V)
    return shapes | {"b_vocab": (V,)}


def initialize(
    config: DecoderConfig,
    rng: np.random.Generator,
    *,
    init: RecurrentInit = "orthogonal",
    forget_bias: float = 1.0,
    dtype: DTypeLike = np.float32,
) -> dict[str, Array]:
    """The parameters that training begins with.

    Args:
        config: of the decoder.
        rng: where the randomness comes from.
        init: of the hidden-to-hidden weights, `"orthogonal"`, `"xavier"` or `"identity"`.
        forget_bias: where the bias of the LSTM's forget gate begins (Jozefowicz, Zaremba & Sutskever 2015).
        dtype: of the parameters, float32 or float64.

    Raises:
        ShowtellError: an init of another name.
    """
    E, H, gates = config.embed_dim, config.hidden_dim, GATES[config.cell]
    params: dict[str, Array] = {}
    for name, shape in parameter_shapes(config).items():
        if name == "W_embed":
            deviation = 1 / embedding_scale(config, dtype) if config.attention_dim else 0.1
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
    if config.cell == "lstm":
        params["b"][H : 2 * H] = forget_bias  # gate order i, f, o, g
    return params


def embedding_scale(config: DecoderConfig, dtype: DTypeLike) -> np.floating[Any]:
    """What words' vectors are multiplied by on the way in; where they are tied, they must be small on the way out.

    Vaswani et al. 2017, section 3.4.
    """
    scale: np.floating[Any] = np.array([math.sqrt(config.embed_dim) if config.attention_dim else 1], dtype)[0]
    return scale


def score_weights(params: Mapping[str, Array]) -> Array:
    """W_vocab (H, V), or with attention the transposed (tied) embedding, (E, V)."""
    return params["W_vocab"] if "W_vocab" in params else params["W_embed"].T


def complete_statistics(config: DecoderConfig, given: Mapping[str, Array], dtype: DTypeLike) -> dict[str, Array]:
    """A decoder's statistics: those given, and means of 0 and scales of 1 for the others.

    Raises:
        ShowtellError: one is of another name or shape.
    """
    shapes = statistics_shapes(config)
    usual = {name: (np.ones if name.endswith("scale") else np.zeros)(shape) for name, shape in shapes.items()}
    statistics = {name: np.asarray(array, dtype) for name, array in (usual | dict(given)).items()}
    check_shapes(statistics, shapes)
    return statistics


def statistics_shapes(config: DecoderConfig) -> dict[str, tuple[int, ...]]:
    """The statistics of a decoder's features."""
    return dict.fromkeys(STATISTICS if config.attention_dim else STATISTICS[:2], (config.feature_dim,))


def standardize(features: Array, statistics: Mapping[str, Array], kind: str) -> Array:
    """Features (..., F) less their mean, over their scale; `kind` is `"feature"` or `"grid"`."""
    standardized: Array = (features - statistics[f"{kind}_mean"]) / statistics[f"{kind}_scale"]
    return standardized


def check_shapes(arrays: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Check that arrays have the names and the shapes that they should have.

    Raises:
        ShowtellError: one is missing, is one too many, or has another shape.
    """
    if arrays.keys() != shapes.keys():
        raise ShowtellError(f"CaptionDecoder: params are {sorted(arrays)}, expected {sorted(shapes)}")
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ShowtellError(f"CaptionDecoder: {name} has shape {arrays[name].shape}, expected {shape}")
