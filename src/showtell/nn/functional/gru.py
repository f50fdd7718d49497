"""Gated recurrent unit (Cho et al. 2014, arXiv:1406.1078), the variant that resets after the product.

    r, z = sigmoid(x Wx + prev_h Wh + b)            reset and update gate
    n    = tanh(x Wx_n + b_n + r * (prev_h Wh_n))   candidate
    next_h = (1 - z) * n + z * prev_h               columns of Wx, Wh, b in the order r, z, n

Two variants are in use. The first paper resets the state before the product, (r * prev_h) Wh_n, which needs two
products a step, the second waiting for the first. Here, as in cuDNN and torch.nn.GRU, the product comes first, so that
all of prev_h Wh is one product. There is one bias; a second one inside the reset, which those libraries have, is left
out.
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
from showtell.nn.types import Array, IntArray, SequenceGradients


class StepCache(NamedTuple):
    """What `gru_step_forward` keeps: its arguments, the gates (N, 3H) and prev_h Wh_n (N, H)."""

    x: Array
    prev_h: Array
    Wx: Array
    Wh: Array
    b: Array
    gates: Array
    recurrent_n: Array


@dataclass(frozen=True)
class Cache(SequenceCache):
    """What `gru_forward` keeps: its arguments, and of every step the gates (N, T, 3H), h_{t-1} Wh_n and h (N, T, H)."""

    x: Array
    h0: Array
    Wx: Array
    Wh: Array
    b: Array
    gates: Array
    recurrent_n: Array
    h: Array
    mask: NDArray[np.bool_]


def gru_step_forward(x: Array, prev_h: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, StepCache]:
    """One time step.

    Args:
        x: input of this step, (N, D).
        prev_h: hidden state of the step before, (N, H).
        Wx: input-to-gates weights, (D, 3H), columns in the order r, z, n.
        Wh: hidden-to-gates weights, (H, 3H).
        b: bias, (3H,), or one for each caption, (N, 3H).

    Returns:
        next_h (N, H), and the cache for `gru_step_backward`.

    Raises:
        ShowtellError: shapes or dtypes do not fit together.
    """
    check_arrays(
        "gru_step_forward",
        x=(x, "N D"),
        prev_h=(prev_h, "N H"),
        Wx=(Wx, "D 3H"),
        Wh=(Wh, "H 3H"),
        b=(b, bias_pattern(b, "3H")),
    )
    gates, recurrent_n = _gates(x @ Wx + b, prev_h @ Wh)
    _, z, n = np.split(gates, 3, axis=1)
    next_h = (1 - z) * n + z * prev_h
    return next_h, StepCache(x, prev_h, Wx, Wh, b, gates, recurrent_n)


def gru_step_backward(dnext_h: Array, cache: StepCache) -> SequenceGradients:
    """Backward of `gru_step_forward`: dnext_h (N, H) -> dx, dprev_h, dWx, dWh, db, shaped as the arguments."""
    x, prev_h, Wx, Wh, b, gates, recurrent_n = cache
    check_arrays("gru_step_backward", prev_h=(prev_h, "N H"), dnext_h=(dnext_h, "N H"))
    dax, dah, dprev_h = _gates_backward(dnext_h, gates, prev_h, recurrent_n)
    # ax = x Wx + b, ah = prev_h Wh
    return dax @ Wx.T, dprev_h + dah @ Wh.T, x.T @ dax, prev_h.T @ dah, bias_gradient(dax[:, None], b)


def gru_forward(
    x: Array,
    h0: Array,
    Wx: Array,
    Wh: Array,
    b: Array,
    *,
    lengths: IntArray | None = None,
    with_cache: bool = True,
    precision: Precision = "float32",
) -> tuple[Array, SequenceCache]:
    """A whole sequence; the input's product is taken once for all steps, before the loop.

    Args:
        x: inputs, (N, T, D); T may be 0.
        h0: hidden state before the first step, (N, H).
        Wx: input-to-gates weights, (D, 3H), columns in the order r, z, n.
        Wh: hidden-to-gates weights, (H, 3H).
        b: bias, (3H,), or one for each caption, (N, 3H).
        lengths: steps of each caption, integers (N,) from 0 to T; all T if not given. After a caption's end h is 0, and
            no gradient comes from there.
        with_cache: whether to keep what a backward needs.
        precision: `"float32"`; the compiled layers have others.

    Returns:
        h (N, T, H), the hidden state after each step, and the cache for `gru_backward`.

    Raises:
        ShowtellError: shapes or dtypes do not fit together.
    """
    check_precision("gru_forward", precision)
    size = check_arrays(
        "gru_forward", x=(x, "N T D"), h0=(h0, "N H"), Wx=(Wx, "D 3H"), Wh=(Wh, "H 3H"), b=(b, bias_pattern(b, "3H"))
    )
    N, T, D, H = size["N"], size["T"], size["D"], size["H"]
    mask = length_mask("gru_forward", lengths, N, T)
    gates = add_bias((x.reshape(N * T, D) @ Wx).reshape(N, T, 3 * H), b)
    h, recurrent_n = (np.empty((N, T, H), x.dtype) for _ in range(2))
    prev_h = h0
    for t in range(T):
        gates[:, t], recurrent_n[:, t] = _gates(gates[:, t], prev_h @ Wh)
        _, z, n = np.split(gates[:, t], 3, axis=1)
        h[:, t] = mask[t] * ((1 - z) * n + z * prev_h)
        prev_h = h[:, t]
    if not with_cache:
        return h, SequenceCache("gru_forward")
    return h, Cache("gru_forward", x, h0, Wx, Wh, b, gates, recurrent_n, h, mask)


def gru_backward(dh: Array, cache: SequenceCache) -> SequenceGradients:
    """Backward of `gru_forward`: dh (N, T, H) -> dx, dh0, dWx, dWh, db, shaped as the arguments.

    `dh[:, t]` is what reaches h_t from above; what reaches it from step t+1 is added on the way back through time.
    """
    kept = check_cache("gru_backward", cache, Cache)
    x, h0, Wx, Wh, b = kept.x, kept.h0, kept.Wx, kept.Wh, kept.b
    gates, recurrent_n, h, mask = kept.gates, kept.recurrent_n, kept.h, kept.mask
    size = check_arrays("gru_backward", h=(h, "N T H"), dh=(dh, "N T H"), x=(x, "N T D"))
    N, T, D, H = size["N"], size["T"], size["D"], size["H"]
    dax, dah = np.empty_like(gates), np.empty_like(gates)
    dprev_h = np.zeros_like(h0)
    for t in reversed(range(T)):
        prev_h = h[:, t - 1] if t else h0
        # the gates of step t: the gradient of h_t comes from above and from step t+1
        dnext_h = mask[t] * dh[:, t] + dprev_h
        dax[:, t], dah[:, t], dprev_h = _gates_backward(dnext_h, gates[:, t], prev_h, recurrent_n[:, t])
        # ah_t = h_{t-1} Wh, the part that goes on through time
        dprev_h = dprev_h + dah[:, t] @ Wh.T
    # ax = x Wx + b and ah = h_prev Wh for all steps at once: one product a weight matrix
    h_prev = np.concatenate([h0[:, None], h], axis=1)[:, :T]
    flat = dax.reshape(N * T, 3 * H)
    dx = (flat @ Wx.T).reshape(N, T, D)
    dWx = x.reshape(N * T, D).T @ flat
    dWh = h_prev.reshape(N * T, H).T @ dah.reshape(N * T, 3 * H)
    return dx, dprev_h, dWx, dWh, bias_gradient(dax, b)


def _gates(ax: Array, ah: Array) -> tuple[Array, Array]:
    """The input's and the state's part of the pre-activations, (N, 3H) each -> r, z, n side by side, and ah_n."""
    H = ax.shape[1] // 3
    gates = np.empty_like(ax)
    gates[:, : 2 * H] = sigmoid(ax[:, : 2 * H] + ah[:, : 2 * H])
    recurrent_n = ah[:, 2 * H :]
    gates[:, 2 * H :] = np.tanh(ax[:, 2 * H :] + gates[:, :H] * recurrent_n)
    return gates, recurrent_n


def _gates_backward(dnext_h: Array, gates: Array, prev_h: Array, recurrent_n: Array) -> tuple[Array, Array, Array]:
    """From the gradient of next_h to those of ax and ah, (N, 3H) each, and the part of prev_h's that passes no gate."""
    r, z, n = np.split(gates, 3, axis=1)
    # next_h = (1 - z) * n + z * prev_h
    dn, dz, dprev_h = dnext_h * (1 - z), dnext_h * (prev_h - n), dnext_h * z
    # n = tanh(ax_n + r * recurrent_n)
    dan = dn * (1 - n * n)
    dr, drecurrent_n = dan * recurrent_n, dan * r
    # r, z = sigmoid(ax + ah)
    dar, daz = dr * r * (1 - r), dz * z * (1 - z)
    return np.concatenate([dar, daz, dan], axis=1), np.concatenate([dar, daz, drecurrent_n], axis=1), dprev_h
