"""The learning rate over a run."""

from __future__ import annotations

import math


def warmup_cosine(step: int, total: int, warmup: int, peak: float) -> float:
    """The learning rate of update `step`, 0 to total - 1: linear up to `peak` over `warmup` updates, then down to 0.

    A run of few updates warms up for a quarter of them at most. The way down is half a cosine (Loshchilov & Hutter
    2017, arXiv:1608.03983).
    """
    warmup = min(warmup, total // 4)
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))
