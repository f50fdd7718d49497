"""Checkpoints: all that a run needs to resume, in one file that is written atomically."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from showtell._util.files import read_regular, write_atomically
from showtell._util.tensors import pack_tensors, unpack_tensors
from showtell.captioning.captioner import Captioner
from showtell.errors import ShowtellError
from showtell.nn.types import Array
from showtell.training.folder import BEST, CHECKPOINT

_KIND = "checkpoint"
_Count = Annotated[int, Meta(ge=0)]


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

    epoch: _Count = 0
    batch: _Count = 0
    step: _Count = 0
    stage: _Count = 0
    stage_epoch: _Count = 0
    stage_step: _Count = 0
    loss: float = 0.0
    reward: float = 0.0
    sampled: _Count = 0
    words: _Count = 0
    seconds: float = 0.0
    best: float = float("-inf")
    best_epoch: _Count = 0
    finished: bool = False
    history: list[dict[str, float]] = field(default_factory=list)


def resume(folder: Path) -> tuple[Progress, dict[str, dict[str, Array]]]:
    """The progress and tensors of the run in a folder, as of `load_checkpoint`; those of a new run if there is none.

    Raises:
        ShowtellError: the checkpoint is damaged, or the captioner that it tells of is missing or damaged.
    """
    checkpoint, best = folder / CHECKPOINT, folder / BEST
    if not checkpoint.exists():
        return Progress(), {}
    progress, groups = load_checkpoint(checkpoint)
    if progress.best > float("-inf"):
        if not best.exists():
            raise ShowtellError(
                f"{best} is missing, the captioner that the run has made so far; restore it, or remove {checkpoint} "
                "to train anew"
            )
        Captioner.load(best)
    return progress, groups


def save_checkpoint(
    path: str | os.PathLike[str], progress: Progress, tensors: Mapping[str, Mapping[str, Array]]
) -> None:
    """Write the progress and groups of named arrays.

    Raises:
        OSError: the file cannot be written; the checkpoint before it is untouched.
    """
    flat = {
        # safetensors writes memory as it lies, whatever its strides
        f"{group}/{name}": np.ascontiguousarray(array)
        for group, arrays in tensors.items()
        for name, array in arrays.items()
    }
    write_atomically(path, pack_tensors(_KIND, asdict(progress), flat))


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[Progress, dict[str, dict[str, Array]]]:
    """Read what `save_checkpoint` wrote.

    Raises:
        ShowtellError: the file is no checkpoint, or not a whole one; or it holds numbers that are not finite.
    """
    groups: dict[str, dict[str, Array]] = {}
    try:
        fields, tensors, intact = unpack_tensors(read_regular(path), _KIND)
        if not intact:
            raise ValueError("its checksum is not that of its contents")
        progress = msgspec.convert(fields, Progress)
        for key, array in tensors.items():
            group, name = key.split("/", 1)
            if not np.isfinite(array).all():
                raise ValueError(f"{key} holds numbers that are not finite")
            groups.setdefault(group, {})[name] = array
    except (ValueError, msgspec.ValidationError, OSError) as error:
        raise ShowtellError(f"{path} is not a complete checkpoint: {error}; remove it to start again") from error
    return progress, groups


def check_tensors(
    where: str | os.PathLike[str],
    groups: Mapping[str, Mapping[str, Array]],
    shapes: Mapping[str, Mapping[str, tuple[int, ...]]],
) -> None:
    """Check that a checkpoint has the tensors that a run goes on with.

    Args:
        where: what to call the checkpoint.
        groups: as of `load_checkpoint`; there may be more of them.
        shapes: by group and name.

    Raises:
        ShowtellError: a group has other names, or a tensor another shape or another dtype than float32.
    """
    for group, expected in shapes.items():
        found = groups.get(group, {})
        wrong = [name for name in {**expected, **found} if name not in found or found[name].shape != expected.get(name)]
        wrong += [name for name, array in found.items() if array.dtype != np.float32]
        if wrong:
            raise ShowtellError(
                f"{where} is not a complete checkpoint: {group}/{wrong[0]} is missing, or not as this run has it; "
                "remove it to start again"
            )
