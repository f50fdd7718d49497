"""The outcome for each photo on standard output: text, JSON or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from showtell._util.console import json_line, put
from showtell.errors import PhotoError

if TYPE_CHECKING:
    from showtell.captioning.batch import Outcome

Write = Callable[["Outcome"], None]


def text_writer(with_name: bool) -> Write:
    """One sentence per line, after the photo's name if `with_name`."""

    def write(outcome: Outcome) -> None:
        if not isinstance(outcome.result, PhotoError):
            texts = [caption.text for caption in outcome.result.n_best]
            put(*(f"{outcome.photo}: {text}" if with_name else text for text in texts))

    return write


def json_writer() -> Write:
    """One JSON object per photo."""
    return lambda outcome: put(json_line(outcome.to_dict()))


def csv_writer() -> Write:
    """A table with one row per caption or error."""

    def row(*cells: object) -> None:
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator="").writerow(cells)
        put(line.getvalue())

    def write(outcome: Outcome) -> None:
        if isinstance(outcome.result, PhotoError):
            row(outcome.photo, "", "", "", outcome.result)
        else:
            for caption in outcome.result.n_best:
                confidence = "" if caption.confidence is None else f"{caption.confidence:.6f}"
                row(outcome.photo, caption.text, f"{caption.log_prob:.6f}", confidence, "")

    row("file", "caption", "log_prob", "confidence", "error")
    return write
