"""The captioner that a command line means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from showtell.captioner import Captioner


def load_captioner(model: Path | None) -> Captioner:
    """The shipped captioner; or that of a file, or the best of a run's folder.

    Raises:
        ModelError: there is no captioner, or it is damaged.
    """
    from showtell.captioner import Captioner, load
    from showtell.training.folder import BEST

    if model is None:
        return load()
    return Captioner.load(model / BEST if model.is_dir() else model)
