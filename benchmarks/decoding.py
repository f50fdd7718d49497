"""One decoding step against PyTorch's, and with weights kept in bfloat16 against our own float32.

`python benchmarks/decoding.py [--json]`, with the extra `oracle`.
"""

from __future__ import annotations

import sys
import time

import harness  # first: it sets the threads
import numpy as np
import torch

from showtell.nn import kernels

E, H, TOP = 256, 512, 5
REPEATS = 200


def step(V: int, rows: int) -> list[harness.Result]:
    rng = np.random.default_rng(0)
    shapes = [(V, E), (E + 1, 4 * H), (H, 4 * H), (4 * H,), (H, V), (V,)]
    weights = [0.05 * rng.standard_normal(shape, np.float32) for shape in shapes]
    decoding = {name: kernels.DecodingStep("lstm", "tanh", *weights, precision=name) for name in ("float32", "bf16")}
    words = rng.integers(0, V, rows)
    state = decoding["float32"].start(rng.standard_normal((rows, H), np.float32), np.zeros((rows, 1), np.float32))
    embed, cell, out = torch.nn.Embedding(V, E), torch.nn.LSTMCell(E, H), torch.nn.Linear(H, V)
    word, memory = torch.tensor(words), (torch.randn(rows, H), torch.zeros(rows, H))

    def ours(precision: str) -> None:
        for _ in range(REPEATS):
            decoding[precision].best(words, state, TOP)

    def theirs() -> None:
        with torch.inference_mode():
            for _ in range(REPEATS):
                h, _ = cell(embed(word), memory)
                out(h).log_softmax(dim=1).topk(TOP)

    name = f"{REPEATS} steps, top {TOP}, V{V}, batch {rows}"
    found = harness.compare(name, "LSTMCell + Linear + topk", lambda: ours("float32"), theirs)
    pairs = harness.compare(f"{name}, bf16", "ours, float32", lambda: ours("bf16"), lambda: ours("float32"))
    read = 4.0 * ((E + H) * 4 * H + H * V)
    print(
        f"V{V} batch {rows}: {found.ours_s / REPEATS * 1e3:.3f} ms, reading weights at "
        f"{read * REPEATS / found.ours_s / 1e9:.0f} GB/s of {bandwidth(read):.0f}; "
        f"PyTorch {found.peer_s / REPEATS * 1e3:.3f} ms; bf16 {pairs.ours_s / REPEATS * 1e3:.3f} ms",
        file=sys.stderr,
    )
    return [found, pairs]


def bandwidth(size: float) -> float:
    """GB/s at which so many bytes of float32 are read by the same threads: the best of a few sums of their squares."""
    x = np.ones(int(size / 4), np.float32)
    best = 0.0
    for _ in range(20):
        start = time.perf_counter()
        kernels.sum_of_squares(x)
        best = max(best, size / (time.perf_counter() - start) / 1e9)
    return best


def main() -> None:
    torch.set_num_threads(harness.THREADS)
    harness.report([result for V in (3000, 10000) for rows in (1, 3) for result in step(V, rows)])


if __name__ == "__main__":
    main()
