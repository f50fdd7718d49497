"""Schedules of the learning rate and of the decay of the moving average."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """The position of an update in its stage.

    Attributes:
        step: the update, 0 to total - 1.
        total: the updates of the stage.
        warmup: updates until the peak of the rate.
        final_ema_decay: of the weights' exponential moving average, but for the first updates.
    """

    step: int
    total: int
    warmup: int
    final_ema_decay: float

    def rate(self, peak: float) -> float:
        """The learning rate, given its peak (see `warmup_cosine`)."""
        return warmup_cosine(self.step, self.total, self.warmup, peak)

    @property
    def ema_decay(self) -> float:
        """The decay of the moving average now: lower at first, when it is over few updates."""
        return min(self.final_ema_decay, self.step / (self.step + 10))


def warmup_cosine(step: int, total: int, warmup: int, peak: float) -> float:
    """The learning rate of update `step`, 0 to total - 1: linear up to `peak` over `warmup` updates, then down to 0.

    A run of few updates warms up for a quarter of them at most. The way down is half a cosine (Loshchilov & Hutter
    2017, arXiv:1608.03983).
    """
    warmup = min(warmup, total // 4)
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))
