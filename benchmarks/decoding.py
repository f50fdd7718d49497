"""One decoding step against PyTorch's: `python benchmarks/decoding.py [--json]`, with the extra `oracle`."""

from __future__ import annotations

import harness  # first: it sets the threads
import numpy as np
import torch

from showtell import kernels

E, H, TOP = 256, 512, 5
REPEATS = 200


def step(V: int, rows: int) -> harness.Result:
    rng = np.random.default_rng(0)
    shapes = [(V, E), (E + 1, 4 * H), (H, 4 * H), (4 * H,), (H, V), (V,)]
    decoding = kernels.DecodingStep(
        "lstm", "tanh", *(0.05 * rng.standard_normal(shape, np.float32) for shape in shapes)
    )
    words = rng.integers(0, V, rows)
    state = decoding.start(rng.standard_normal((rows, H), np.float32), np.zeros((rows, 1), np.float32))
    embed, cell, out = torch.nn.Embedding(V, E), torch.nn.LSTMCell(E, H), torch.nn.Linear(H, V)
    word, memory = torch.tensor(words), (torch.randn(rows, H), torch.zeros(rows, H))

    def ours() -> None:
        for _ in range(REPEATS):
            decoding.best(words, state, TOP)

    def theirs() -> None:
        with torch.inference_mode():
            for _ in range(REPEATS):
                h, _ = cell(embed(word), memory)
                out(h).log_softmax(dim=1).topk(TOP)

    found = harness.compare(
        f"step, top {TOP}, V{V}, batch {rows}, x {REPEATS}", "LSTMCell + Linear + topk", ours, theirs
    )
    read = 4.0 * ((E + H) * 4 * H + H * V)
    print(
        f"V{V} batch {rows}: {found.ours_s / REPEATS * 1e3:.3f} ms, reading weights at "
        f"{read * REPEATS / found.ours_s / 1e9:.0f} GB/s of {bandwidth(read):.0f}; "
        f"PyTorch {found.peer_s / REPEATS * 1e3:.3f} ms",
        flush=True,
    )
    return found


def bandwidth(size: float) -> float:
    """GB/s at which so many bytes of float32 are read by the same threads: the best of a few sums of their squares."""
    import time

    x = np.ones(int(size / 4), np.float32)
    best = 0.0
    for _ in range(20):
        start = time.perf_counter()
        kernels.sum_of_squares(x)
        best = max(best, size / (time.perf_counter() - start) / 1e9)
    return best


def main() -> None:
    torch.set_num_threads(harness.THREADS)
    harness.report([step(V, rows) for V in (3000, 10000) for rows in (1, 3)])


if __name__ == "__main__":
    main()
