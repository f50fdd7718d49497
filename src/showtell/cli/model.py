"""The captioner that a command line means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from showtell.captioner import Captioner


def captioner_file(model: Path | None) -> Path:
    """Where the captioner that a command line means lies."""
    from showtell.captioner import SHIPPED
    from showtell.training.folder import BEST

    if model is None:
        return SHIPPED
    return model / BEST if model.is_dir() else model


def load_captioner(model: Path | None) -> Captioner:
    """The shipped captioner; or that of a file, or the best of a run's folder.

    Raises:
        ModelError: there is no captioner, or it is damaged.
    """
    from showtell.captioner import Captioner

    return Captioner.load(captioner_file(model))
