"""The vanilla recurrent network (Elman 1990): h_t = f(x_t Wx + h_{t-1} Wh + b), with f = tanh or ReLU.

ReLU with an identity for `Wh` is the IRNN of Le, Jaitly & Hinton 2015 (arXiv:1504.00941).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from showtell.nn.caches import SequenceCache, check_cache
from showtell.nn.choices import Activation, Precision
from showtell.nn.functional.activations import activate, activation_slope
from showtell.nn.functional.bias import add_bias, bias_gradient, bias_pattern
from showtell.nn.functional.checks import check_arrays, check_precision
from showtell.nn.functional.lengths import length_mask
from showtell.nn.types import Array, IntArray, SequenceGradients


class StepCache(NamedTuple):
    """What `rnn_step_forward` keeps: its arguments, and next_h (N, H)."""

    x: Array
    prev_h: Array
    Wx: Array
    Wh: Array
    b: Array
    next_h: Array
    activation: Activation


@dataclass(frozen=True)
class Cache(SequenceCache):
    """What `rnn_forward` keeps: its arguments, and the state after every step, h (N, T, H)."""

    x: Array
    h0: Array
    Wx: Array
    Wh: Array
    b: Array
    h: Array
    mask: NDArray[np.bool_]
    activation: Activation


def rnn_step_forward(
    x: Array, prev_h: Array, Wx: Array, Wh: Array, b: Array, activation: Activation = "tanh"
) -> tuple[Array, StepCache]:
    """One time step.

    Args:
        x: input of this step, (N, D).
        prev_h: hidden state of the step before, (N, H).
        Wx: input-to-hidden weights, (D, H).
        Wh: hidden-to-hidden weights, (H, H).
        b: bias, (H,), or one for each caption, (N, H).
        activation: `"tanh"` or `"relu"`.

    Returns:
        next_h (N, H), and the cache for `rnn_step_backward`.

    Raises:
        ShowtellError: shapes or dtypes do not fit together, or there is no such activation.
    """
    check_arrays(
        "rnn_step_forward",
        x=(x, "N D"),
        prev_h=(prev_h, "N H"),
        Wx=(Wx, "D H"),
        Wh=(Wh, "H H"),
        b=(b, bias_pattern(b, "H")),
    )
    next_h = activate(x @ Wx + prev_h @ Wh + b, activation)
    return next_h, StepCache(x, prev_h, Wx, Wh, b, next_h, activation)


def rnn_step_backward(dnext_h: Array, cache: StepCache) -> SequenceGradients:
    """Backward of `rnn_step_forward`: dnext_h (N, H) -> dx, dprev_h, dWx, dWh, db, shaped as the arguments."""
    x, prev_h, Wx, Wh, b, next_h, activation = cache
    check_arrays("rnn_step_backward", next_h=(next_h, "N H"), dnext_h=(dnext_h, "N H"))
    da = dnext_h * activation_slope(next_h, activation)  # next_h = f(a)
    # a = x Wx + prev_h Wh + b
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, bias_gradient(da[:, None], b)


def rnn_forward(
    x: Array,
    h0: Array,
    Wx: Array,
    Wh: Array,
    b: Array,
    activation: Activation = "tanh",
    *,
    lengths: IntArray | None = None,
    with_cache: bool = True,
    precision: Precision = "float32",
) -> tuple[Array, SequenceCache]:
    """A whole sequence; the input's product is taken once for all steps, before the loop.

    Args:
        x: inputs, (N, T, D); T may be 0.
        h0: hidden state before the first step, (N, H).
        Wx: input-to-hidden weights, (D, H).
        Wh: hidden-to-hidden weights, (H, H).
        b: bias, (H,), or one for each caption, (N, H).
        activation: `"tanh"` or `"relu"`.
        lengths: steps of each caption, integers (N,) from 0 to T; all T if not given. After a caption's end h is 0, and
            no gradient comes from there.
        with_cache: whether to keep what a backward needs.
        precision: `"float32"`; the compiled layers have others.

    Returns:
        h (N, T, H), the hidden state after each step, and the cache for `rnn_backward`.

    Raises:
        ShowtellError: shapes or dtypes do not fit together, or there is no such activation.
    """
    check_precision("rnn_forward", precision)
    size = check_arrays(
        "rnn_forward", x=(x, "N T D"), h0=(h0, "N H"), Wx=(Wx, "D H"), Wh=(Wh, "H H"), b=(b, bias_pattern(b, "H"))
    )
    N, T, D, H = size["N"], size["T"], size["D"], size["H"]
    mask = length_mask("rnn_forward", lengths, N, T)
    a = add_bias((x.reshape(N * T, D) @ Wx).reshape(N, T, H), b)
    h = np.empty_like(a)
    prev_h = h0
    for t in range(T):
        h[:, t] = mask[t] * activate(a[:, t] + prev_h @ Wh, activation)
        prev_h = h[:, t]
    if not with_cache:
        return h, SequenceCache("rnn_forward")
    return h, Cache("rnn_forward", x, h0, Wx, Wh, b, h, mask, activation)


def rnn_backward(dh: Array, cache: SequenceCache) -> SequenceGradients:
    """Backward of `rnn_forward`: dh (N, T, H) -> dx, dh0, dWx, dWh, db, shaped as the arguments.

    `dh[:, t]` is what reaches h_t from above; what reaches it from step t+1 is added on the way back through time.
    """
    kept = check_cache("rnn_backward", cache, Cache)
    x, h0, Wx, Wh, b, h = kept.x, kept.h0, kept.Wx, kept.Wh, kept.b, kept.h
    mask, activation = kept.mask, kept.activation
    size = check_arrays("rnn_backward", h=(h, "N T H"), dh=(dh, "N T H"), x=(x, "N T D"))
    N, T, D, H = size["N"], size["T"], size["D"], size["H"]
    da = np.empty_like(h)
    dprev_h = np.zeros_like(h0)
    for t in reversed(range(T)):
        # h_t = f(a_t): its gradient comes from above and from step t+1
        da[:, t] = (mask[t] * dh[:, t] + dprev_h) * activation_slope(h[:, t], activation)
        # a_t = x_t Wx + h_{t-1} Wh + b, the part that goes on through time
        dprev_h = da[:, t] @ Wh.T
    # a = x Wx + h_prev Wh + b for all steps at once: one product a weight matrix
    h_prev = np.concatenate([h0[:, None], h], axis=1)[:, :T]
    flat = da.reshape(N * T, H)
    dx = (flat @ Wx.T).reshape(N, T, D)
    dWx = x.reshape(N * T, D).T @ flat
    dWh = h_prev.reshape(N * T, H).T @ flat
    return dx, dprev_h, dWx, dWh, bias_gradient(da, b)
