"""What the LSTM costs over the number of captions and of steps: `python benchmarks/scaling.py PICTURE [--json]`.

Forward and backward, float32, D 512, H 512, medians; the picture needs the extra `plot`.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import harness  # first: it sets the threads
from recurrent import Work

from showtell._util.plotting import LINES, new_figure, save_figure

CAPTIONS, STEPS = (8, 16, 32, 64, 96, 128, 192, 256), (1, 2, 4, 8, 16, 24, 32, 48)


def milliseconds(N: int, T: int) -> float:
    work, spent = Work("lstm", N, T, 512, 512), []
    for _ in range(16):
        start = time.perf_counter()
        work.both()
        spent.append(time.perf_counter() - start)
    return 1e3 * statistics.median(spent[1:])


def main() -> None:
    over = {
        "captions N, at T 16": {N: milliseconds(N, 16) for N in CAPTIONS},
        "steps T, at N 64": {T: milliseconds(64, T) for T in STEPS},
    }
    if "--json" in sys.argv:
        print(json.dumps(over))
        return
    figure = new_figure(8, 3.2)
    panels = figure.subplots(1, 2, sharey=True)
    for panel, (what, times) in zip(panels, over.items(), strict=True):
        panel.plot(times.keys(), times.values(), **LINES[0])
        panel.set_xlabel(what)
        panel.set_xlim(left=0)
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("forward + backward, ms")
    figure.suptitle(f"LSTM, D 512, H 512, {harness.THREADS} threads")
    save_figure(figure, sys.argv[1])


if __name__ == "__main__":
    main()
