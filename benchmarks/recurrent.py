"""Recurrent layers against torch's in float32 and bfloat16, against a loop over steps in NumPy, and against our own.

`python benchmarks/recurrent.py [--one-thread] [--json]`, with the extra `oracle`.
"""

from __future__ import annotations

from dataclasses import dataclass

import harness  # first: it sets the threads
import numpy as np
import torch

from showtell.nn import functional, kernels
from showtell.nn.functional.activations import sigmoid

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
LAYERS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}
SIZES = [(50, 16, 256, 512), (128, 16, 512, 512)]


@dataclass
class Work:
    """A layer's arguments, and what of the arithmetic its forward needs."""

    cell: str
    N: int
    T: int
    D: int
    H: int

    def __post_init__(self) -> None:
        rng = np.random.default_rng(0)
        G = GATES[self.cell] * self.H
        N, T, D, H = self.N, self.T, self.D, self.H
        x, h0, self.dh = (rng.standard_normal(shape, np.float32) for shape in ((N, T, D), (N, H), (N, T, H)))
        Wx, Wh = (rng.standard_normal((rows, G), np.float32) / np.float32(np.sqrt(rows)) for rows in (D, H))
        self.arguments = (x, h0, Wx, Wh, np.zeros(G, np.float32))
        self.flops = 2.0 * N * T * (D + H) * G
        self.size = f"N{N} T{T} D{D} H{H}"

    def forward(self, module=kernels, **options):
        return getattr(module, f"{self.cell}_forward")(*self.arguments, **options)

    def both(self, module=kernels, **options) -> None:
        _, cache = self.forward(module, **options)
        getattr(module, f"{self.cell}_backward")(self.dh, cache)

    def torch_layer(self, precision: str):
        layer = LAYERS[self.cell](self.D, self.H, batch_first=True)
        x, h0 = (torch.tensor(array) for array in (self.arguments[0], self.arguments[1][None]))
        dtype = DTYPES[precision]
        x, h0 = x.to(dtype), h0.to(dtype)
        return layer.to(dtype), x, (h0, torch.zeros_like(h0)) if self.cell == "lstm" else h0

    def names(self, way: str, precision: str, peer: str) -> tuple[str, str]:
        """What is compared, and with what."""
        suffix = ", bf16" if precision == "bf16" else ""
        return f"{self.cell.upper()} {way} {self.size}{suffix}", f"torch.nn.{self.cell.upper()}{suffix}{peer}"


def both_ways(work: Work, peaks: dict[str, float], precision: str) -> harness.Result:
    layer, x, state = work.torch_layer(precision)
    first = state[0] if work.cell == "lstm" else state
    x.requires_grad_(), first.requires_grad_()
    dh = torch.tensor(work.dh).to(x.dtype)

    def theirs() -> None:
        out, _ = layer(x, state)
        torch.autograd.grad(out, [x, first, *layer.parameters()], dh)

    names, flops = work.names("forward + backward", precision, ""), 3 * work.flops
    return harness.compare(
        *names, lambda: work.both(precision=precision), theirs, flops=flops, peak_flops=peaks[precision]
    )


def forward_only(work: Work, peaks: dict[str, float], precision: str) -> harness.Result:
    layer, x, state = work.torch_layer(precision)

    def theirs() -> None:
        with torch.no_grad():
            layer(x, state)

    names = work.names("forward", precision, ", no_grad")

    def ours() -> None:
        work.forward(precision=precision, with_cache=False)

    return harness.compare(*names, ours, theirs, flops=work.flops, peak_flops=peaks[precision])


def pairs(work: Work, peaks: dict[str, float]) -> harness.Result:
    name, _ = work.names("forward + backward", "bf16", "")
    flops = 3 * work.flops
    return harness.compare(
        name, "ours, float32", lambda: work.both(precision="bf16"), work.both, flops=flops, peak_flops=peaks["bf16"]
    )


def loop_of_steps(x, h0, Wx, Wh, b, dh) -> None:
    """An LSTM as it is written first: every step on its own, forward, and backward with all its products."""
    T, H = x.shape[1], h0.shape[1]
    h, c, cache = h0, np.zeros_like(h0), []
    for t in range(T):
        a = x[:, t] @ Wx + h @ Wh + b
        i, f, o, g = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H]), np.tanh(a[:, 3 * H :])
        next_c = f * c + i * g
        cache.append((x[:, t], h, c, i, f, o, g, next_c))
        h, c = o * np.tanh(next_c), next_c
    dx = np.empty_like(x)
    dWx, dWh, db, dprev_h, dc = (
        np.zeros_like(Wx),
        np.zeros_like(Wh),
        np.zeros_like(b),
        np.zeros_like(h),
        np.zeros_like(c),
    )
    for t in reversed(range(T)):
        x_t, prev_h, prev_c, i, f, o, g, next_c = cache[t]
        dh_t, tanh_c = dh[:, t] + dprev_h, np.tanh(next_c)
        dc = dc + dh_t * o * (1 - tanh_c**2)
        gates = (dc * g * i * (1 - i), dc * prev_c * f * (1 - f), dh_t * tanh_c * o * (1 - o), dc * i * (1 - g**2))
        da = np.concatenate(gates, axis=1)
        dx[:, t], dprev_h, dc = da @ Wx.T, da @ Wh.T, dc * f
        dWx += x_t.T @ da
        dWh += prev_h.T @ da
        db += da.sum(axis=0)


def against_the_loop(work: Work, module) -> harness.Result:
    name = f"LSTM forward + backward, {module.__name__.split('.')[-1]}"
    return harness.compare(
        name, "loop over steps in NumPy", lambda: work.both(module), lambda: loop_of_steps(*work.arguments, work.dh)
    )


def main() -> None:
    torch.set_num_threads(harness.THREADS)
    peaks = {precision: harness.peak(precision) for precision in DTYPES}
    works = [Work(cell, *size) for cell in LAYERS for size in SIZES]
    results = [
        way(work, peaks, precision) for precision in DTYPES for way in (both_ways, forward_only) for work in works
    ]
    results += [pairs(work, peaks) for work in works]
    results += [against_the_loop(works[0], module) for module in (functional, kernels)]
    harness.report(results)


if __name__ == "__main__":
    main()
