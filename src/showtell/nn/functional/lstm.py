"""Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers, Schmidhuber & Cummins 2000), no peepholes.

    i, f, o = sigmoid, g = tanh    of    a = x Wx + prev_h Wh + b
    next_c = f * prev_c + i * g
    next_h = o * tanh(next_c)

The columns of a, and so those of Wx, Wh and b, are in the order i, f, o, g.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from showtell.nn.caches import SequenceCache, check_cache
from showtell.nn.choices import Precision
from showtell.nn.functional.activations import sigmoid
from showtell.nn.functional.bias import add_bias, bias_gradient, bias_pattern
from showtell.nn.functional.checks import check_arrays, check_precision
from showtell.nn.functional.lengths import length_mask
from showtell.nn.types import Array, IntArray, LSTMGradients


class StepCache(NamedTuple):
    """What `lstm_step_forward` keeps: its arguments, the gates (N, 4H) and tanh(next_c) (N, H)."""

    x: Array
    prev_h: Array
    prev_c: Array
    Wx: Array
    Wh: Array
    b: Array
    gates: Array
    tanh_c: Array


@dataclass(frozen=True)
class Cache(SequenceCache):
    """What `lstm_forward` keeps: its arguments, and of every step the gates (N, T, 4H), h, c and tanh(c) (N, T, H)."""

    x: Array
    h0: Array
    c0: Array
    Wx: Array
    Wh: Array
    b: Array
    gates: Array
    h: Array
    c: Array
    tanh_c: Array
    mask: NDArray[np.bool_]
    with_c0: bool


def lstm_step_forward(
    x: Array, prev_h: Array, prev_c: Array, Wx: Array, Wh: Array, b: Array
) -> tuple[Array, Array, StepCache]:
    """One time step.

    Args:
        x: input of this step, (N, D).
        prev_h: hidden state of the step before, (N, H).
        prev_c: cell state of the step before, (N, H).
        Wx: input-to-gates weights, (D, 4H), columns in the order i, f, o, g.
        Wh: hidden-to-gates weights, (H, 4H).
        b: bias, (4H,), or one for each caption, (N, 4H).

    Returns:
        next_h (N, H), next_c (N, H), and the cache for `lstm_step_backward`.

    Raises:
        ShowtellError: shapes or dtypes do not fit together.
    """
    check_arrays(
        "lstm_step_forward",
        x=(x, "N D"),
        prev_h=(prev_h, "N H"),
        prev_c=(prev_c, "N H"),
        Wx=(Wx, "D 4H"),
        Wh=(Wh, "H 4H"),
        b=(b, bias_pattern(b, "4H")),
    )
    gates = _gates(x @ Wx + prev_h @ Wh + b)
    i, f, o, g = np.split(gates, 4, axis=1)
    next_c = f * prev_c + i * g
    tanh_c = np.tanh(next_c)
    next_h = o * tanh_c
    return next_h, next_c, StepCache(x, prev_h, prev_c, Wx, Wh, b, gates, tanh_c)


def lstm_step_backward(
    dnext_h: Array, dnext_c: Array, cache: StepCache
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Backward of `lstm_step_forward`: dnext_h, dnext_c (N, H) -> dx, dprev_h, dprev_c, dWx, dWh, db."""
    x, prev_h, prev_c, Wx, Wh, b, gates, tanh_c = cache
    check_arrays("lstm_step_backward", tanh_c=(tanh_c, "N H"), dnext_h=(dnext_h, "N H"), dnext_c=(dnext_c, "N H"))
    da, dprev_c = _gates_backward(dnext_h, dnext_c, gates, prev_c, tanh_c)
    # a = x Wx + prev_h Wh + b
    return da @ Wx.T, da @ Wh.T, dprev_c, x.T @ da, prev_h.T @ da, bias_gradient(da[:, None], b)


def lstm_forward(
    x: Array,
    h0: Array,
    Wx: Array,
    Wh: Array,
    b: Array,
    c0: Array | None = None,
    *,
    lengths: IntArray | None = None,
    with_cache: bool = True,
    precision: Precision = "float32",
) -> tuple[Array, SequenceCache]:
    """A whole sequence; the input's product is taken once for all steps, before the loop.

    Args:
        x: inputs, (N, T, D); T may be 0.
        h0: hidden state before the first step, (N, H).
        Wx: input-to-gates weights, (D, 4H), columns in the order i, f, o, g.
        Wh: hidden-to-gates weights, (H, 4H).
        b: bias, (4H,), or one for each caption, (N, 4H).
        c0: cell state before the first step, (N, H); zero if not given.
        lengths: steps of each caption, integers (N,) from 0 to T; all T if not given. After a caption's end h is 0, and
            no gradient comes from there.
        with_cache: whether to keep what a backward needs.
        precision: `"float32"`; the compiled layers have others.

    Returns:
        h (N, T, H), the hidden state after each step, and the cache for `lstm_backward`.

    Raises:
        ShowtellError: shapes or dtypes do not fit together.
    """
    check_precision("lstm_forward", precision)
    prev_c = np.zeros_like(h0) if c0 is None else c0
    size = check_arrays(
        "lstm_forward",
        x=(x, "N T D"),
        h0=(h0, "N H"),
        Wx=(Wx, "D 4H"),
        Wh=(Wh, "H 4H"),
        b=(b, bias_pattern(b, "4H")),
        c0=(prev_c, "N H"),
    )
    N, T, D, H = size["N"], size["T"], size["D"], size["H"]
    mask = length_mask("lstm_forward", lengths, N, T)
    gates = add_bias((x.reshape(N * T, D) @ Wx).reshape(N, T, 4 * H), b)
    h, c, tanh_c = (np.empty((N, T, H), x.dtype) for _ in range(3))
    prev_h, first_c = h0, prev_c
    for t in range(T):
        gates[:, t] = _gates(gates[:, t] + prev_h @ Wh)
        i, f, o, g = np.split(gates[:, t], 4, axis=1)
        c[:, t] = f * prev_c + i * g
        tanh_c[:, t] = np.tanh(c[:, t])
        h[:, t] = mask[t] * o * tanh_c[:, t]
        prev_h, prev_c = h[:, t], c[:, t]
    if not with_cache:
        return h, SequenceCache("lstm_forward")
    return h, Cache("lstm_forward", x, h0, first_c, Wx, Wh, b, gates, h, c, tanh_c, mask, c0 is not None)


def lstm_backward(dh: Array, cache: SequenceCache) -> LSTMGradients:
    """Backward of `lstm_forward`: dh (N, T, H) -> dx, dh0, dWx, dWh, db, and dc0 if a c0 was given.

    `dh[:, t]` is what reaches h_t from above; what reaches h_t and c_t from step t+1 is added on the way back through
    time.
    """
    kept = check_cache("lstm_backward", cache, Cache)
    x, h0, first_c, Wx, Wh, b = kept.x, kept.h0, kept.c0, kept.Wx, kept.Wh, kept.b
    gates, h, c, tanh_c, mask = kept.gates, kept.h, kept.c, kept.tanh_c, kept.mask
    size = check_arrays("lstm_backward", h=(h, "N T H"), dh=(dh, "N T H"), x=(x, "N T D"))
    N, T, D, H = size["N"], size["T"], size["D"], size["H"]
    da = np.empty_like(gates)
    dprev_h, dprev_c = np.zeros_like(h0), np.zeros_like(h0)
    for t in reversed(range(T)):
        prev_c = c[:, t - 1] if t else first_c
        # the gates of step t: the gradient of h_t comes from above and from step t+1, that of c_t from step t+1
        da[:, t], dprev_c = _gates_backward(mask[t] * dh[:, t] + dprev_h, dprev_c, gates[:, t], prev_c, tanh_c[:, t])
        # a_t = x_t Wx + h_{t-1} Wh + b, the part that goes on through time
        dprev_h = da[:, t] @ Wh.T
    # a = x Wx + h_prev Wh + b for all steps at once: one product a weight matrix
    h_prev = np.concatenate([h0[:, None], h], axis=1)[:, :T]
    flat = da.reshape(N * T, 4 * H)
    dx = (flat @ Wx.T).reshape(N, T, D)
    dWx = x.reshape(N * T, D).T @ flat
    dWh = h_prev.reshape(N * T, H).T @ flat
    grads = (dx, dprev_h, dWx, dWh, bias_gradient(da, b))
    return (*grads, dprev_c) if kept.with_c0 else grads


def _gates(a: Array) -> Array:
    """(N, 4H) pre-activations -> i, f, o (sigmoid) and g (tanh), side by side."""
    H = a.shape[1] // 4
    gates = np.empty_like(a)
    gates[:, : 3 * H] = sigmoid(a[:, : 3 * H])
    gates[:, 3 * H :] = np.tanh(a[:, 3 * H :])
    return gates


def _gates_backward(dnext_h: Array, dnext_c: Array, gates: Array, prev_c: Array, tanh_c: Array) -> tuple[Array, Array]:
    """From the gradients of next_h and next_c to those of the pre-activations, (N, 4H), and of prev_c."""
    i, f, o, g = np.split(gates, 4, axis=1)
    # next_h = o * tanh(next_c)
    do = dnext_h * tanh_c
    dc = dnext_c + dnext_h * o * (1 - tanh_c * tanh_c)
    # next_c = f * prev_c + i * g
    di, df, dg = dc * g, dc * prev_c, dc * i
    # i, f, o = sigmoid(a), g = tanh(a)
    da = np.concatenate([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g * g)], axis=1)
    return da, dc * f
