"""What one photo costs the shipped captioner on one thread: the encoder, and the sentence alone and among others.

`python benchmarks/captioning.py [PHOTOS] [--json]`: a folder of photos, `tests/photos` if none is given; at most 64 of
them are taken. Medians over the photos, each captioned three times, and over ten batches of 64.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "SHOWTELL_NUM_THREADS"), "1")

import numpy as np

import showtell
from showtell.vision.photo import list_photos, open_photo

BATCH = 64


def milliseconds(run: Callable[..., object], *arguments: Any, **named: Any) -> float:
    start = time.perf_counter()
    run(*arguments, **named)
    return 1e3 * (time.perf_counter() - start)


def main() -> None:
    given = [word for word in sys.argv[1:] if not word.startswith("-")]
    paths = list_photos(given[0] if given else Path(__file__).parents[1] / "tests" / "photos")[:BATCH]
    captioner = showtell.load()
    photos = [open_photo(path) for path in paths]
    grids = np.concatenate([captioner.encoder.encode([photo]) for photo in photos])
    many = grids[np.arange(BATCH) % len(grids)]
    found = {"encoder": statistics.median(milliseconds(captioner.encoder.encode, [photo]) for photo in photos)}
    for beam in (1, 3, 5):
        captioner.caption_features(many, beam_width=beam)
        alone = [
            milliseconds(captioner.caption_features, grid[np.newaxis], beam_width=beam)
            for grid in grids
            for _ in range(3)
        ]
        together = [milliseconds(captioner.caption_features, many, beam_width=beam) / BATCH for _ in range(10)]
        found |= {
            f"sentence, beam {beam}, alone": statistics.median(alone),
            f"sentence, beam {beam}, in a batch of {BATCH}": statistics.median(together),
        }
    if "--json" in sys.argv:
        print(json.dumps(found))
        return
    print(f"{len(photos)} photos, 1 thread\n")
    for what, ms in found.items():
        print(f"| {what:36} | {ms:6.2f} ms a photo |")


if __name__ == "__main__":
    main()
