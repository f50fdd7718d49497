"""Adam, and gradient clipping."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from showtell.nn.backend import Optimizer, default_optimizer
from showtell.nn.types import Array


class Adam:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1) over a dict of named arrays, updated in place.

    Attributes:
        exp_avg: the first moment estimates: moving averages of the gradients, by name.
        exp_avg_sq: the second moment estimates: moving averages of the squared gradients, by name.
        steps: updates made.
    """

    def __init__(
        self,
        params: Mapping[str, Array],
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        optimizer: Optimizer | None = None,
    ) -> None:
        self.optimizer = optimizer or default_optimizer()
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.exp_avg = {name: np.zeros_like(array) for name, array in params.items()}
        self.exp_avg_sq = {name: np.zeros_like(array) for name, array in params.items()}
        self.steps = 0

    def update(
        self,
        params: Mapping[str, Array],
        grads: Mapping[str, Array],
        learning_rate: float,
        scale: float = 1.0,
        *,
        ema: Mapping[str, Array] | None = None,
        ema_decay: float = 0.0,
    ) -> None:
        """Move `params` (C-contiguous) one step against `scale * grads`.

        `ema`, if given, holds the params' exponential moving averages, of decay `ema_decay`; they are updated too.

        Raises:
            KeyError: a parameter has no gradient.
        """
        self.steps += 1
        rate = learning_rate / (1 - self.beta1**self.steps)
        correction = 1 / math.sqrt(1 - self.beta2**self.steps)
        for name, array in params.items():
            self.optimizer.adam_update(
                array,
                self.exp_avg[name],
                self.exp_avg_sq[name],
                grads[name],
                scale=scale,
                beta1=self.beta1,
                beta2=self.beta2,
                rate=rate,
                correction=correction,
                epsilon=self.epsilon,
                ema=None if ema is None else ema[name],
                ema_decay=ema_decay,
            )


def gradient_norm(grads: Mapping[str, Array], optimizer: Optimizer | None = None) -> float:
    """The Euclidean norm of all gradients together."""
    optimizer = optimizer or default_optimizer()
    return math.sqrt(sum(optimizer.sum_of_squares(grad) for grad in grads.values()))


def clip_scale(norm: float, limit: float) -> float:
    """The factor that clips gradients of this norm to `limit` (Pascanu et al. 2013)."""
    return min(1.0, limit / norm) if norm > 0 else 1.0
