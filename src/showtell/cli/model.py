"""The captioner that the command line names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from showtell.errors import ShowtellError

if TYPE_CHECKING:
    from showtell.captioning.captioner import Captioner
    from showtell.vision.encoder import Encoder


def captioner_file(model: Path | None) -> Path:
    """The file of the captioner that the command line names."""
    from showtell.captioning.model_file import SHIPPED
    from showtell.training.folder import BEST

    if model is None:
        return SHIPPED
    return model / BEST if model.is_dir() else model


def check_confidence(captioner: Captioner, model: Path | None, min_confidence: float | None) -> None:
    """Check that the captioner has a confidence, if `--min-confidence` is given.

    Raises:
        ShowtellError: it has none.
    """
    if min_confidence is not None and captioner.confidence is None:
        raise ShowtellError(
            f"--min-confidence is {min_confidence}, but {model or 'the bundled captioner'} has no confidence; "
            "omit the option, or use a captioner from a finished `showtell train`"
        )


def load_captioner(model: Path | None) -> Captioner:
    """The bundled captioner, that of a file, or the best of a run folder.

    Raises:
        ModelError: there is no captioner, or it is damaged.
    """
    from showtell.captioning.captioner import Captioner

    return Captioner.load(captioner_file(model))


def load_encoder(path: Path | None) -> Encoder | None:
    """The encoder of an ONNX file, or of a captioner's file or a run folder; None for the bundled one.

    Raises:
        ModelError: there is no such file, or it is damaged.
    """
    from showtell.vision.encoder import Encoder

    if path is None:
        return None
    return Encoder(path) if path.suffix == ".onnx" else load_captioner(path).encoder
