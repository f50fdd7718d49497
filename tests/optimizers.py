"""The two that update arrays, and what they are told."""

from __future__ import annotations

from typing import Any

from showtell.nn import kernels, optimizer
from showtell.nn.backend import Optimizer

ADAM = {"scale": 0.5, "beta1": 0.9, "beta2": 0.999, "rate": 0.1, "correction": 1.0, "epsilon": 1e-8}


def optimizer_of(layers: Any) -> Optimizer:
    """The optimizer beside some layers."""
    return kernels if layers is kernels else optimizer
