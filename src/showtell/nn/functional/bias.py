"""The bias of a recurrent layer: one for all captions, or one for each, such as what their photos say at every step."""

from __future__ import annotations

from showtell.nn.types import Array


def bias_pattern(b: Array, width: str) -> str:
    """The axes of a bias (see `check_arrays`): its width, or N and its width."""
    return f"N {width}" if getattr(b, "ndim", 1) == 2 else width


def add_bias(a: Array, b: Array) -> Array:
    """a (N, T, G) + b, (G,) or (N, G)."""
    return a + (b[:, None] if b.ndim == 2 else b)


def bias_gradient(da: Array, b: Array) -> Array:
    """From the gradient of the sum, (N, T, G), to that of b, shaped as b."""
    gradient: Array = da.sum(axis=1) if b.ndim == 2 else da.sum(axis=(0, 1))
    return gradient
