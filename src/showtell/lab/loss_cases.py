"""The losses on arguments of many shapes: functions that give their gradients with their value."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from showtell.lab.cases import SMOOTH, Options
from showtell.lab.differences import GradientCheck
from showtell.nn.backend import Backend
from showtell.nn.types import Array


@dataclass(frozen=True)
class LossCase:
    """A loss that gives its gradients with it: the function's name, its arguments, and what follows them."""

    name: str
    part: str
    args: tuple[Array, ...]
    targets: tuple[NDArray[Any], ...]
    options: Options

    def gradient_check(self, backend: Backend) -> GradientCheck:
        """The loss itself, as the scores or the layer before them move."""
        function = getattr(backend, self.part)

        def compute(*args: Array) -> tuple[float, Any]:
            loss, grads = function(*args, *self.targets, **dict(self.options))
            return loss, grads if isinstance(grads, tuple) else (grads,)

        names = list(inspect.signature(function).parameters)[: len(self.args)]
        grads = dict(zip(names, compute(*self.args)[1], strict=True))
        return GradientCheck(lambda *args: compute(*args)[0], dict(zip(names, self.args, strict=True)), grads, SMOOTH)


def _loss_cases() -> Iterator[LossCase]:
    # (N, T, H, V): usual, one of each, one step, no step, no caption, widths that no vector register divides
    sizes = [(3, 5, 6, 7), (1, 1, 1, 1), (2, 1, 3, 9), (2, 0, 3, 4), (0, 2, 3, 4), (4, 6, 17, 33)]
    for (N, T, H, V), smoothing, weighted in product(sizes, (0.0, 0.1), (False, True)):
        rng = np.random.default_rng([N, T, V])
        scores, y, mask = 3 * rng.standard_normal((N, T, V)), rng.integers(0, V, (N, T)), rng.random((N, T)) < 0.7
        mask[:1, :1] = True
        h, W, b = (rng.standard_normal(shape) for shape in ((N, T, H), (H, V), (V,)))
        weight = rng.standard_normal(N) if weighted else None
        options = (("label_smoothing", smoothing), ("weight", weight))
        said = f"-smoothing{smoothing}{'-weighted' if weighted else ''}"
        yield LossCase(
            f"temporal_softmax_loss-N{N}T{T}V{V}{said}", "temporal_softmax_loss", (scores,), (y, mask), options
        )
        yield LossCase(f"vocabulary_loss-N{N}T{T}H{H}V{V}{said}", "vocabulary_loss", (h, W, b), (y, mask), options)


LOSSES: list[LossCase] = list(_loss_cases())
