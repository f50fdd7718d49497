"""What came of a photo, on standard output: a sentence, JSON or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from showtell._util.console import json_line, put
from showtell.errors import PhotoError

if TYPE_CHECKING:
    from showtell.captioning.caption import Caption

Outcome: TypeAlias = "Caption | PhotoError"
Write = Callable[[Path, Outcome], None]


def entry(photo: Path, outcome: Outcome) -> dict[str, object]:
    """What there is to say of a photo, ready for JSON."""
    if isinstance(outcome, PhotoError):
        return {"file": str(photo), "error": str(outcome)}
    return {"file": str(photo), **outcome.to_dict()}


def text_writer(with_name: bool) -> Write:
    """A sentence a line, after the photo's name if that is wanted."""

    def write(photo: Path, outcome: Outcome) -> None:
        if not isinstance(outcome, PhotoError):
            put(*(f"{photo}: {caption.text}" if with_name else caption.text for caption in outcome.n_best))

    return write


def json_writer() -> Write:
    """A JSON object a photo."""
    return lambda photo, outcome: put(json_line(entry(photo, outcome)))


def csv_writer() -> Write:
    """A table with a row a caption, or an error."""

    def row(*cells: object) -> None:
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator="").writerow(cells)
        put(line.getvalue())

    def write(photo: Path, outcome: Outcome) -> None:
        if isinstance(outcome, PhotoError):
            row(photo, "", "", "", outcome)
        else:
            for caption in outcome.n_best:
                confidence = "" if caption.confidence is None else f"{caption.confidence:.6f}"
                row(photo, caption.text, f"{caption.log_prob:.6f}", confidence, "")

    row("file", "caption", "log_prob", "confidence", "error")
    return write
