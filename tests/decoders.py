"""Decoders whose weights are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from showtell.captioning.config import DecoderConfig
from showtell.captioning.decoder import CaptionDecoder
from showtell.captioning.parameters import initialize
from showtell.nn.backend import Backend
from showtell.nn.choices import Precision


def fresh_decoder(
    *sizes: int,
    rng: np.random.Generator | None = None,
    dtype: type = np.float32,
    backend: Backend | None = None,
    precision: Precision = "float32",
    **kind: Any,
) -> CaptionDecoder:
    """A decoder as training begins with it; `sizes` and `kind` are those of `DecoderConfig`."""
    config = DecoderConfig(*sizes, **kind)
    params = initialize(config, rng or np.random.default_rng(0), dtype=dtype)
    return CaptionDecoder(config, params, backend=backend, precision=precision)
