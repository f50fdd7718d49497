"""Us and a peer on the same work, in turns, in one process: medians, and their ratio.

On two threads, or with `--one-thread` on one: then the time is what the processor spent on that thread, to which others
who keep the machine busy add little.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

THREADS = 1 if "--one-thread" in sys.argv else 2
clock = time.thread_time if THREADS == 1 else time.perf_counter
os.environ |= {name: str(THREADS) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "SHOWTELL_NUM_THREADS")}

import numpy as np  # noqa: E402 - only now, as its BLAS takes the number of threads from there


@dataclass(frozen=True)
class Result:
    """Medians of one piece of work, in seconds; `flops` are those that the mathematics needs.

    `peak_flops` are those that could be done in a second with the same kind of product.
    """

    work: str
    peer: str
    ours_s: float
    peer_s: float
    flops: float = 0.0
    peak_flops: float = 0.0

    @property
    def ratio(self) -> float:
        return self.ours_s / self.peer_s


def compare(
    work: str,
    peer: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    *,
    flops: float = 0.0,
    peak_flops: float = 0.0,
) -> Result:
    """Both, in turns, 15 times.

    Each waits until the other's threads sleep, as idle ones look out for new work for a while and take a core, and
    then runs once uncounted, so that its threads are awake and its memory is in the caches.
    """
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(15):
        for run, spent in zip((ours, theirs), seconds, strict=True):
            time.sleep(0.03)
            run()
            start = clock()
            run()
            spent.append(clock() - start)
    return Result(work, peer, *map(statistics.median, seconds), flops=flops, peak_flops=peak_flops)


def peak(precision: str = "float32") -> float:
    """Operations a second that the threads can do together: the best of many runs, as a clock takes time to rise."""
    from showtell.nn.kernels.library import dtype_code, kernels_of, native

    kernels, best = kernels_of(dtype_code(np.dtype("float32"), precision)), 0.0
    for _ in range(60):
        start = clock()
        done = native().showtell_multiply_add(kernels, 3_000_000, THREADS)
        best = max(best, 2 * THREADS * done / (clock() - start))
    return best


def report(results: list[Result]) -> None:
    """A table on standard output, or with --json a list of objects."""
    if "--json" in sys.argv:
        print(json.dumps([asdict(result) | {"ratio": result.ratio} for result in results]))
        return
    peaks = sorted({result.peak_flops for result in results} - {0.0})
    print(f"threads: {THREADS}" + "".join(f", peak {peak_flops / 1e9:.0f} GFLOP/s" for peak_flops in peaks) + "\n")
    print(f"| {'work':44} | {'peer':26} | ours ms | peer ms | ratio | GFLOP/s | of peak |")
    print(f"| {'-' * 44} | {'-' * 26} | ------- | ------- | ----- | ------- | ------- |")
    for result in results:
        rate = result.flops / result.ours_s
        share = f"{rate / result.peak_flops:7.0%}" if result.peak_flops and result.flops else "       "
        speed = f"{rate / 1e9:7.0f}" if result.flops else "       "
        print(
            f"| {result.work:44} | {result.peer:26} | {result.ours_s * 1e3:7.2f} | {result.peer_s * 1e3:7.2f} "
            f"| {result.ratio:5.2f} | {speed} | {share} |"
        )
