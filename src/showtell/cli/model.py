"""The captioner that a command line means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from showtell.errors import ShowtellError

if TYPE_CHECKING:
    from showtell.captioning.captioner import Captioner


def captioner_file(model: Path | None) -> Path:
    """Where the captioner that a command line means lies."""
    from showtell.captioning.model_file import SHIPPED
    from showtell.training.folder import BEST

    if model is None:
        return SHIPPED
    return model / BEST if model.is_dir() else model


def check_confidence(captioner: Captioner, model: Path | None, min_confidence: float | None) -> None:
    """Check that `--min-confidence`, if it is given, has something to go by.

    Raises:
        ShowtellError: it has not.
    """
    if min_confidence is not None and captioner.confidence is None:
        raise ShowtellError(
            f"--min-confidence is {min_confidence}, but the captioner {model or 'that ships'} has no confidence; "
            "leave the option out, or take a captioner of a finished `showtell train`"
        )


def load_captioner(model: Path | None) -> Captioner:
    """The shipped captioner; or that of a file, or the best of a run's folder.

    Raises:
        ModelError: there is no captioner, or it is damaged.
    """
    from showtell.captioning.captioner import Captioner

    return Captioner.load(captioner_file(model))
