"""Plots: one style for all figures, drawn by matplotlib (extra `plot`).

Lines differ in colour, in dashes and in markers, so that they can be told apart on a grey print too. The colours are
those of Okabe & Ito 2008, *Color universal design*, which people with every kind of colour vision tell apart.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from showtell._util.files import check_output, write_atomically
from showtell.errors import ShowtellError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES: tuple[dict[str, Any], ...] = (
    {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    {"color": "#D55E00", "linestyle": "--", "marker": "s"},
    {"color": "#009E73", "linestyle": "-.", "marker": "^"},
    {"color": "#CC79A7", "linestyle": ":", "marker": "D"},
    {"color": "#E69F00", "linestyle": (0, (5, 1, 1, 1, 1, 1)), "marker": "v"},
    {"color": "#56B4E9", "linestyle": (0, (1, 1)), "marker": "P"},
)
"""How the first, the second, ... line of a picture looks: keywords of `Axes.plot`."""


MAP, SIGNED_MAP = "YlGnBu", "PuOr_r"
"""The colours of a map from nothing to much, light to dark, and of one around 0, which is white; for all eyes, both."""

SUFFIXES = (".png", ".svg", ".pdf")
_DOTS_PER_INCH = 120
_BY = "drawn by showtell"


def new_figure(width: float, height: float) -> Figure:
    """An empty figure without a window; sizes in inches.

    Raises:
        ShowtellError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ShowtellError("a picture needs matplotlib: pip install 'showtell[plot]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def check_suffix(path: str | os.PathLike[str]) -> str:
    """The suffix of a picture file in lower case; raises early if the format is not supported.

    Raises:
        ShowtellError: it is none of `SUFFIXES`.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ShowtellError(f"{path}: a picture is PNG, SVG or PDF, so its name ends in {', '.join(SUFFIXES)}")
    return suffix


def check_picture(path: str | os.PathLike[str], inputs: Iterable[str | os.PathLike[str]] = ()) -> None:
    """Check before the work that a picture can be written and replaces nothing but a picture of showtell.

    Raises:
        ShowtellError: it cannot, it is one of `inputs`, or a file of that name is there that showtell did not draw.
    """
    check_suffix(path)
    check_output(path, inputs, ours=_is_ours)


def check_new(path: Path) -> None:
    """Check before the work that a picture can be written under a default name, which must not exist.

    Raises:
        ShowtellError: it cannot, or a file of that name is there.
    """
    if os.path.lexists(path):
        raise ShowtellError(f"{path}: already exists; remove it, or name the picture with --output")
    check_output(path)


def _is_ours(head: bytes, tail: bytes) -> bool:
    return _BY.encode() in head or _BY.encode() in tail


def picture(figure: Figure, suffix: str = ".png") -> bytes:
    """The figure as the bytes of a file with that suffix; deterministic."""
    from matplotlib import rc_context

    file = io.BytesIO()
    dated = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[suffix]
    by = {".png": "Software", ".svg": "Creator", ".pdf": "Creator"}[suffix]
    with rc_context({"svg.hashsalt": "showtell"}):
        figure.savefig(file, format=suffix[1:], dpi=_DOTS_PER_INCH, metadata={**dated, by: _BY})
    return file.getvalue()


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a picture, PNG, SVG or PDF by its suffix; the file is written atomically.

    Raises:
        ShowtellError: another suffix.
        OSError: the file cannot be written.
    """
    write_atomically(path, picture(figure, check_suffix(path)))
