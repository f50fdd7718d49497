"""A run's folder: the names of its files, and exclusive access to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from showtell._util.files import exclusive, remove_leftovers

BEST = "best.safetensors"
CHECKPOINT = "checkpoint.safetensors"
CURVE = "curve.png"
ENCODER = "encoder.onnx"
LOCK = "lock"
METRICS = "metrics.jsonl"
PROBLEMS = "problems.jsonl"
RECIPE = "recipe.toml"
RUN = "run.json"


@contextmanager
def exclusive_run(folder: Path) -> Iterator[None]:
    """Make a run's folder, and be the only process that writes there; what killed ones had begun to write is removed.

    Raises:
        ShowtellError: another process writes there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / LOCK):
        remove_leftovers([folder])
        yield
