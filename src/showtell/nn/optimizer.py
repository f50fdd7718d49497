"""What an optimizer does to whole arrays, in NumPy: `adam_update` changes in place what it is given."""

from __future__ import annotations

import numpy as np

from showtell.nn.functional.checks import check_alike, check_written
from showtell.nn.types import Array

# Numbers taken at a time: what one update touches stays in the second-level cache over its passes.
_BLOCK = 16_384


def sum_of_squares(x: Array) -> float:
    """The sum of the squares of all numbers of an array of any shape.

    Raises:
        ShowtellError: x is not of float32 or float64.
    """
    check_alike("sum_of_squares", x=x)
    return float(np.vdot(x, x))


def adam_update(
    param: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    grad: Array,
    *,
    scale: float,
    beta1: float,
    beta2: float,
    rate: float,
    correction: float,
    epsilon: float,
    ema: Array | None = None,
    ema_decay: float = 0.0,
) -> None:
    """One step of Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1) on one array, in place.

    Args:
        param: moved against the gradient; contiguous, of any shape.
        exp_avg: running mean of the gradient, shaped as param; updated.
        exp_avg_sq: running mean of its square, likewise.
        grad: the gradient, likewise.
        scale: what the gradient is multiplied by beforehand.
        beta1: what is kept of `exp_avg`.
        beta2: what is kept of `exp_avg_sq`.
        rate: the learning rate over the correction of `exp_avg`, 1 - beta1 ** t.
        correction: one over the square root of that of `exp_avg_sq`, 1 - beta2 ** t.
        epsilon: keeps the divisor above 0.
        ema: exponential moving average of param (Polyak & Juditsky 1992), shaped as param; updated, if it is given.
        ema_decay: what is kept of `ema`.

    Raises:
        ShowtellError: shapes or dtypes do not fit together, or what is to be updated is read-only, not contiguous, or
            shares memory with another of the arrays.
    """
    check_update(param, exp_avg, exp_avg_sq, grad, ema)
    flat, m_all, v_all, g_all = (array.reshape(-1) for array in (param, exp_avg, exp_avg_sq, grad))
    mean = None if ema is None else ema.reshape(-1)
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
            mean[part] += (1 - ema_decay) * (flat[part] - mean[part])


def check_update(param: Array, exp_avg: Array, exp_avg_sq: Array, grad: Array, ema: Array | None) -> None:
    """Check the arrays of `adam_update`.

    Raises:
        ShowtellError: see there.
    """
    written = {"param": param, "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq} | ({} if ema is None else {"ema": ema})
    check_alike("adam_update", **written, grad=grad)
    check_written("adam_update", written, {"grad": grad})
