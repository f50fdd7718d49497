"""Checkpoints: all that a run needs to resume, in one file that is written atomically."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from showtell._util.checksum import checksum
from showtell._util.files import read_regular, write_atomically
from showtell.errors import ShowtellError
from showtell.nn.types import Array


@dataclass
class Progress:
    """The progress of a run.

    All randomness follows from the seed and these numbers, so no generator state is stored.

    Attributes:
        epoch: epochs done.
        batch: batches done of the epoch that has begun.
        step: updates done.
        stage: which of the run's stages it is in.
        stage_epoch: epochs done when that began.
        stage_step: updates done then.
        loss: the training loss summed over the words of this epoch so far.
        reward: the CIDEr-D of sampled captions, summed over those of this epoch so far.
        sampled: the number of those captions.
        words: the number of those words.
        seconds: that this epoch's updates have taken so far.
        best: the best validation score so far.
        best_epoch: when it was reached.
        finished: whether the run is over.
        history: a record of each epoch.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    stage: int = 0
    stage_epoch: int = 0
    stage_step: int = 0
    loss: float = 0.0
    reward: float = 0.0
    sampled: int = 0
    words: int = 0
    seconds: float = 0.0
    best: float = float("-inf")
    best_epoch: int = 0
    finished: bool = False
    history: list[dict[str, float]] = field(default_factory=list)


def save_checkpoint(
    path: str | os.PathLike[str], progress: Progress, tensors: Mapping[str, Mapping[str, Array]]
) -> None:
    """Write the progress and groups of named arrays.

    Raises:
        OSError: the file cannot be written; the checkpoint before it is untouched.
    """
    from safetensors.numpy import save

    flat = {
        # safetensors writes memory as it lies, whatever its strides
        f"{group}/{name}": np.ascontiguousarray(array)
        for group, arrays in tensors.items()
        for name, array in arrays.items()
    }
    fields = {"progress": asdict(progress)}
    header = {"sha256": checksum(fields, flat), **fields}
    write_atomically(path, save(flat, {"checkpoint": json.dumps(header)}))


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[Progress, dict[str, dict[str, Array]]]:
    """Read what `save_checkpoint` wrote.

    Raises:
        ShowtellError: the file is no checkpoint, or not a whole one; or it holds numbers that are not finite.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    groups: dict[str, dict[str, Array]] = {}
    try:
        data = read_regular(path)
        tensors = load(data)
        metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
        header = json.loads(metadata["checkpoint"])
        sealed = header.pop("sha256")
        if sealed != checksum(header, tensors):
            raise ValueError("its checksum is not that of its contents")
        progress = Progress(**header["progress"])
        for key, array in tensors.items():
            group, name = key.split("/", 1)
            if not np.isfinite(array).all():
                raise ValueError(f"{key} holds numbers that are not finite")
            groups.setdefault(group, {})[name] = array
    except KeyError as error:
        raise _no_checkpoint(path, f"it lacks {error}") from error
    except (SafetensorError, ValueError, TypeError, OSError, RecursionError) as error:
        raise _no_checkpoint(path, str(error)) from error
    return progress, groups


def _no_checkpoint(path: str | os.PathLike[str], why: str) -> ShowtellError:
    return ShowtellError(f"{path} is not a complete checkpoint: {why}; remove it to start again")
