"""Recurrent layers against torch's: `python benchmarks/recurrent.py [--json]`, with the extra `oracle`."""

from __future__ import annotations

import harness  # first: it sets the threads
import numpy as np
import torch

from showtell import kernels

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
LAYERS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
SIZES = [(50, 16, 256, 512), (128, 16, 512, 512)]


def both_ways(cell: str, N: int, T: int, D: int, H: int) -> harness.Result:
    rng = np.random.default_rng(0)
    G = GATES[cell] * H
    x, h0, dh = (rng.standard_normal(shape, np.float32) for shape in ((N, T, D), (N, H), (N, T, H)))
    Wx, Wh = (rng.standard_normal((rows, G), np.float32) / np.float32(np.sqrt(rows)) for rows in (D, H))
    b = np.zeros(G, np.float32)
    layer = LAYERS[cell](D, H, batch_first=True)
    tx, th0, tdh = torch.tensor(x, requires_grad=True), torch.tensor(h0[None], requires_grad=True), torch.tensor(dh)
    state = (th0, torch.zeros_like(th0)) if cell == "lstm" else th0

    def ours() -> None:
        _, cache = getattr(kernels, f"{cell}_forward")(x, h0, Wx, Wh, b)
        getattr(kernels, f"{cell}_backward")(dh, cache)

    def theirs() -> None:
        out, _ = layer(tx, state)
        torch.autograd.grad(out, [tx, th0, *layer.parameters()], tdh)

    flops = 3 * 2 * N * T * (D + H) * G
    name = f"{cell.upper()} forward + backward N{N} T{T} D{D} H{H}"
    return harness.compare(name, f"torch.nn.{cell.upper()}", ours, theirs, flops=flops)


def forward_only(N: int, T: int, D: int, H: int) -> harness.Result:
    rng = np.random.default_rng(0)
    x, h0 = (rng.standard_normal(shape, np.float32) for shape in ((N, T, D), (N, H)))
    Wx, Wh = (rng.standard_normal((rows, 4 * H), np.float32) / np.float32(np.sqrt(rows)) for rows in (D, H))
    b = np.zeros(4 * H, np.float32)
    layer, tx, th0 = torch.nn.LSTM(D, H, batch_first=True), torch.tensor(x), torch.tensor(h0[None])

    def theirs() -> None:
        with torch.no_grad():
            layer(tx, (th0, torch.zeros_like(th0)))

    return harness.compare(
        f"LSTM forward N{N} T{T} D{D} H{H}",
        "torch.nn.LSTM, no_grad",
        lambda: kernels.lstm_forward(x, h0, Wx, Wh, b),
        theirs,
        flops=2 * N * T * (D + H) * 4 * H,
    )


def main() -> None:
    torch.set_num_threads(harness.THREADS)
    results = [both_ways(cell, *size) for cell in LAYERS for size in SIZES]
    results += [forward_only(*size) for size in SIZES]
    harness.report(results, harness.peak())


if __name__ == "__main__":
    main()
