"""What an optimizer does to whole arrays."""

from __future__ import annotations

import numpy as np

from showtell.functional.checks import Array, check_arrays

# Numbers taken at a time: what one update touches stays in the second-level cache over its passes.
_BLOCK = 16_384


def sum_of_squares(x: Array) -> float:
    """The sum of the squares of all numbers of an array of any shape."""
    return float(np.vdot(x, x))


def adam_update(
    param: Array,
    first: Array,
    second: Array,
    grad: Array,
    *,
    scale: float,
    beta1: float,
    beta2: float,
    rate: float,
    correction: float,
    epsilon: float,
    average: Array | None = None,
    keep: float = 0.0,
) -> None:
    """One step of Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1) on one array, in place.

    Args:
        param: moved against the gradient; contiguous, of any shape.
        first: running mean of the gradient, shaped as param; updated.
        second: running mean of its square, likewise.
        grad: the gradient, likewise.
        scale: what the gradient is multiplied by first.
        beta1: what is kept of `first`.
        beta2: what is kept of `second`.
        rate: the learning rate over the correction of `first`, 1 - beta1 ** t.
        correction: one over the square root of that of `second`, 1 - beta2 ** t.
        epsilon: keeps the divisor above 0.
        average: running mean of param (Polyak & Juditsky 1992), shaped as param; updated, if it is given.
        keep: what is kept of `average`.

    Raises:
        ShowtellError: shapes or dtypes do not fit together.
    """
    flat, m_all, v_all, g_all = (array.reshape(-1) for array in (param, first, second, grad))
    check_arrays("adam_update", param=(flat, "N"), first=(m_all, "N"), second=(v_all, "N"), grad=(g_all, "N"))
    mean = None if average is None else average.reshape(-1)
    if mean is not None:
        check_arrays("adam_update", param=(flat, "N"), average=(mean, "N"))
    for start in range(0, flat.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        g = g_all[part] * scale
        m, v = m_all[part], v_all[part]
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        g *= g
        g *= 1 - beta2
        v += g
        np.sqrt(v, out=g)
        g *= correction
        g += epsilon
        np.divide(m, g, out=g)
        g *= rate
        flat[part] -= g
        if mean is not None:
            mean[part] += (1 - keep) * (flat[part] - mean[part])
