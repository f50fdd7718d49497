"""The pages of a site's sources."""

from __future__ import annotations

import os
from pathlib import Path

from showtell.alt.page import HTML_SUFFIXES, MARKDOWN_SUFFIXES
from showtell.errors import ShowtellError


def list_pages(top: Path) -> list[Path]:
    """The HTML and Markdown files below a folder, sorted; a file gives itself.

    Files and folders whose name begins with a dot are skipped, and so are links: what they lead to is found where it
    is, or is not the site's.

    Raises:
        ShowtellError: there is no such file or folder, or a folder cannot be read.
    """
    if not top.exists():
        raise ShowtellError(f"{top}: no such file or folder; check the path")
    if not top.is_dir():
        return [top]
    pages = []
    for folder, subfolders, names in os.walk(top, onerror=_raise_unreadable):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        pages += [Path(folder, name) for name in names if not name.startswith(".")]
    suffixes = HTML_SUFFIXES | MARKDOWN_SUFFIXES
    return sorted(page for page in pages if page.suffix.lower() in suffixes and not page.is_symlink())


def site_of(top: Path) -> Path:
    """The folder of the site that is meant: the folder itself; of a file the current one, or else the file's own."""
    if top.is_dir():
        return top
    here = Path()
    return here if top.resolve().is_relative_to(here.resolve()) else top.parent


def _raise_unreadable(error: OSError) -> None:
    raise ShowtellError(f"{error.filename}: the folder cannot be read ({error.strerror})") from error
