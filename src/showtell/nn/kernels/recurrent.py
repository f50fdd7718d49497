"""Vanilla RNN, GRU and LSTM, compiled: the functions of `showtell.nn.functional`, with their arguments and results.

With `precision="bf16"`, for float32 sequences, the products' inputs are rounded to bfloat16 (8 bits of precision) and
summed in float32, forward and backward; all else stays float32.

What is computed in which order, and how it is laid out in memory, is told in native/recurrent.hpp.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from showtell.nn import caches
from showtell.nn.caches import check_cache
from showtell.nn.choices import Activation, Cell, Precision
from showtell.nn.functional.activations import check_activation
from showtell.nn.functional.bias import bias_pattern
from showtell.nn.functional.checks import DTypeError, ShapeError, check_alike, check_arrays
from showtell.nn.functional.lengths import check_lengths
from showtell.nn.kernels.library import SequenceArguments, dtype_code, kernels_of, native, threads_for
from showtell.nn.kernels.workspace import Workspace, contiguous, frozen, pointer
from showtell.nn.types import Array, IntArray, LSTMGradients, SequenceGradients

_LSTM, _GRU, _RNN_TANH, _RNN_RELU = range(4)
# dx, dh0, dc0, dWx, dWh, db
_AllGradients: TypeAlias = tuple[Array, Array, Array, Array, Array, Array]
_GATES = {_LSTM: "4H", _GRU: "3H", _RNN_TANH: "H", _RNN_RELU: "H"}


@dataclass(frozen=True)
class SequenceCache(caches.SequenceCache):
    """What a forward keeps for its backward: its arguments, and a workspace, laid out as native/recurrent.hpp says."""

    cell: int
    dtype_code: int
    N: int
    T: int
    D: int
    H: int
    order: NDArray[np.int64]
    active: NDArray[np.int64]
    Wx: Array
    Wh: Array
    b_shape: tuple[int, ...]
    workspace: Workspace
    with_c0: bool

    @property
    def ragged(self) -> bool:
        """Whether a caption is shorter than T."""
        return bool(self.T) and int(self.active[-1]) < self.N


def cell_number(cell: Cell, activation: Activation) -> int:
    """What native/kernels.hpp calls a cell.

    Raises:
        ShowtellError: there is no such activation.
    """
    check_activation(activation)
    if cell == "rnn":
        return _RNN_TANH if activation == "tanh" else _RNN_RELU
    return _LSTM if cell == "lstm" else _GRU


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
) -> tuple[Array, caches.SequenceCache]:
    """See `showtell.nn.functional.rnn_forward`."""
    h, _, cache = _forward(
        "rnn_forward", cell_number("rnn", activation), x, h0, None, Wx, Wh, b, lengths, with_cache, precision
    )
    return h, cache


def rnn_backward(dh: Array, cache: caches.SequenceCache) -> SequenceGradients:
    """See `showtell.nn.functional.rnn_backward`."""
    dx, dh0, _, dWx, dWh, db = _backward("rnn_backward", dh, None, cache)
    return dx, dh0, dWx, dWh, db


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
) -> tuple[Array, caches.SequenceCache]:
    """See `showtell.nn.functional.gru_forward`."""
    h, _, cache = _forward("gru_forward", _GRU, x, h0, None, Wx, Wh, b, lengths, with_cache, precision)
    return h, cache


def gru_backward(dh: Array, cache: caches.SequenceCache) -> SequenceGradients:
    """See `showtell.nn.functional.gru_backward`."""
    dx, dh0, _, dWx, dWh, db = _backward("gru_backward", dh, None, cache)
    return dx, dh0, dWx, dWh, db


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
) -> tuple[Array, caches.SequenceCache]:
    """See `showtell.nn.functional.lstm_forward`."""
    h, _, cache = _forward("lstm_forward", _LSTM, x, h0, c0, Wx, Wh, b, lengths, with_cache, precision)
    return h, cache


def lstm_backward(dh: Array, cache: caches.SequenceCache) -> LSTMGradients:
    """See `showtell.nn.functional.lstm_backward`."""
    kept = check_cache("lstm_backward", cache, SequenceCache)
    dx, dh0, dc0, dWx, dWh, db = _backward("lstm_backward", dh, None, kept)
    grads = (dx, dh0, dWx, dWh, db)
    return (*grads, dc0) if kept.with_c0 else grads


def rnn_step_forward(
    x: Array, prev_h: Array, Wx: Array, Wh: Array, b: Array, activation: Activation = "tanh"
) -> tuple[Array, caches.SequenceCache]:
    """See `showtell.nn.functional.rnn_step_forward`."""
    h, _, cache = _step("rnn_step_forward", cell_number("rnn", activation), x, prev_h, None, Wx, Wh, b)
    return h, cache


def rnn_step_backward(dnext_h: Array, cache: caches.SequenceCache) -> SequenceGradients:
    """See `showtell.nn.functional.rnn_step_backward`."""
    dx, dprev_h, _, dWx, dWh, db = _step_backward("rnn_step_backward", dnext_h, None, cache)
    return dx, dprev_h, dWx, dWh, db


def gru_step_forward(x: Array, prev_h: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, caches.SequenceCache]:
    """See `showtell.nn.functional.gru_step_forward`."""
    h, _, cache = _step("gru_step_forward", _GRU, x, prev_h, None, Wx, Wh, b)
    return h, cache


def gru_step_backward(dnext_h: Array, cache: caches.SequenceCache) -> SequenceGradients:
    """See `showtell.nn.functional.gru_step_backward`."""
    dx, dprev_h, _, dWx, dWh, db = _step_backward("gru_step_backward", dnext_h, None, cache)
    return dx, dprev_h, dWx, dWh, db


def lstm_step_forward(
    x: Array, prev_h: Array, prev_c: Array, Wx: Array, Wh: Array, b: Array
) -> tuple[Array, Array, caches.SequenceCache]:
    """See `showtell.nn.functional.lstm_step_forward`."""
    check_arrays("lstm_step_forward", x=(x, "N D"), prev_h=(prev_h, "N H"), prev_c=(prev_c, "N H"))
    return _step("lstm_step_forward", _LSTM, x, prev_h, prev_c, Wx, Wh, b)


def lstm_step_backward(dnext_h: Array, dnext_c: Array, cache: caches.SequenceCache) -> _AllGradients:
    """See `showtell.nn.functional.lstm_step_backward`."""
    return _step_backward("lstm_step_backward", dnext_h, dnext_c, cache)


def _step(
    function: str, cell: int, x: Array, prev_h: Array, prev_c: Array | None, Wx: Array, Wh: Array, b: Array
) -> tuple[Array, Array, caches.SequenceCache]:
    """A step is a sequence of one."""
    gates = _GATES[cell]
    check_arrays(
        function,
        x=(x, "N D"),
        prev_h=(prev_h, "N H"),
        Wx=(Wx, f"D {gates}"),
        Wh=(Wh, f"H {gates}"),
        b=(b, bias_pattern(b, gates)),
    )
    h, next_c, cache = _forward(function, cell, x[:, None], prev_h, prev_c, Wx, Wh, b)
    return h[:, 0], next_c, cache


def _step_backward(function: str, dnext_h: Array, dnext_c: Array | None, cache: caches.SequenceCache) -> _AllGradients:
    check_arrays(function, dnext_h=(dnext_h, "N H"))
    dx, dprev_h, dprev_c, dWx, dWh, db = _backward(function, dnext_h[:, None], dnext_c, cache)
    return dx[:, 0], dprev_h, dprev_c, dWx, dWh, db


def _forward(
    function: str,
    cell: int,
    x: Array,
    h0: Array,
    c0: Array | None,
    Wx: Array,
    Wh: Array,
    b: Array,
    lengths: IntArray | None = None,
    with_cache: bool = True,
    precision: Precision = "float32",
) -> tuple[Array, Array, caches.SequenceCache]:
    """h (N, T, H), the LSTM's last cell state (N, H), and the cache."""
    gates = _GATES[cell]
    arrays = {"x": (x, "N T D"), "h0": (h0, "N H"), "Wx": (Wx, f"D {gates}"), "Wh": (Wh, f"H {gates}")}
    arrays["b"] = (b, bias_pattern(b, gates))
    if c0 is not None:
        arrays["c0"] = (c0, "N H")
    size = check_arrays(function, **arrays)
    N, T, D, H = size["N"], size["T"], size["D"], size["H"]
    order, active = map(frozen, _rows(function, lengths, N, T))
    x, h0, Wx, Wh, b = map(contiguous, (x, h0, Wx, Wh, b))
    c0 = None if c0 is None else contiguous(c0)
    h = (np.empty if lengths is None else np.zeros)((N, T, H), x.dtype)
    last_c = np.zeros_like(h0) if c0 is None else c0.copy()
    b_row = b.shape[1] if b.ndim == 2 else 0
    arguments = _arguments((N, T, D, H, b_row), order, active, x=x, h0=h0, c0=c0, Wx=Wx, Wh=Wh, b=b, h=h, last_c=last_c)
    code = dtype_code(x.dtype, precision)
    kernels = kernels_of(code)
    if not with_cache:
        _call(kernels, cell, False, arguments)
        return h, last_c, caches.SequenceCache(function)
    workspace = Workspace(native().showtell_cache_bytes(kernels, cell, ctypes.byref(arguments)), kernels)
    arguments.cache = workspace.address
    _call(kernels, cell, False, arguments)
    with_c0 = c0 is not None
    return (
        h,
        last_c,
        SequenceCache(function, cell, code, N, T, D, H, order, active, Wx, Wh, b.shape, workspace, with_c0),
    )


def _backward(function: str, dh: Array, dlast_c: Array | None, cache: caches.SequenceCache) -> _AllGradients:
    """dx, dh0, dc0, dWx, dWh, db."""
    kept = check_cache(function, cache, SequenceCache)
    N, T, D, H = kept.N, kept.T, kept.D, kept.H
    _check_gradient(function, dh, (N, T, H), kept.Wx.dtype)
    if dlast_c is not None:
        _check_gradient(function, dlast_c, (N, H), kept.Wx.dtype)
        dlast_c = contiguous(dlast_c)
    dh, dtype = contiguous(dh), dh.dtype
    dx = (np.zeros if kept.ragged else np.empty)((N, T, D), dtype)
    dh0, dc0 = np.empty((N, H), dtype), np.empty((N, H), dtype)
    dWx, dWh, db = np.empty_like(kept.Wx), np.empty_like(kept.Wh), np.empty(kept.b_shape, dtype)
    b_row = db.shape[1] if db.ndim == 2 else 0
    arguments = _arguments(
        (N, T, D, H, b_row), kept.order, kept.active,
        Wx=kept.Wx, Wh=kept.Wh, dh=dh, dlast_c=dlast_c, dx=dx, dh0=dh0, dc0=dc0, dWx=dWx, dWh=dWh, db=db,
    )  # fmt: skip
    arguments.cache = kept.workspace.address
    _call(kept.workspace.kernels_of(kept.dtype_code), kept.cell, True, arguments)
    return dx, dh0, dc0, dWx, dWh, db


def _rows(function: str, lengths: IntArray | None, N: int, T: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The captions by length, longest first, (N,); how many of them are not over at each step, (T,)."""
    if lengths is None:
        return np.arange(N, dtype=np.int64), np.full(T, N, np.int64)
    check_lengths(function, lengths, N, T)
    order = np.argsort(-lengths.astype(np.int64), kind="stable").astype(np.int64)
    return order, (np.arange(T)[:, None] < lengths).sum(axis=1, dtype=np.int64)


def _check_gradient(function: str, gradient: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    check_alike(function, gradient=gradient)
    if gradient.shape != shape:
        raise ShapeError(f"{function}: the gradient has shape {gradient.shape}, expected {shape}")
    if gradient.dtype != dtype:
        raise DTypeError(f"{function}: the gradient has dtype {gradient.dtype}, expected {dtype}")


def _arguments(
    sizes: tuple[int, ...], order: IntArray, active: IntArray, **arrays: NDArray[Any] | None
) -> SequenceArguments:
    """The arguments of native/kernels.hpp, from N, T, D, H and what is between two captions' biases."""
    pointers = {name: pointer(array) for name, array in arrays.items() if array is not None}
    N, T, D, H, b_row = sizes
    return SequenceArguments(
        N=N, steps=T, D=D, H=H, b_row=b_row, order=pointer(order), active=pointer(active), **pointers
    )


def _call(kernels: int, cell: int, is_backward: bool, arguments: SequenceArguments) -> None:
    work = arguments.N * arguments.steps * (arguments.D + arguments.H) * arguments.H
    native().showtell_recurrent(kernels, cell, is_backward, ctypes.byref(arguments), threads_for(work))
