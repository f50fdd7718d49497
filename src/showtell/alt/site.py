"""The pages of a site's sources."""

from __future__ import annotations

from pathlib import Path

from showtell.alt.page import HTML_SUFFIXES, MARKDOWN_SUFFIXES
from showtell.errors import ShowtellError
from showtell.files import list_files


def list_pages(top: Path) -> list[Path]:
    """The HTML and Markdown files below a folder, sorted; a file gives itself.

    Files and folders whose name begins with a dot are skipped, and so are links: what they lead to is found where it
    is, or is not the site's.

    Raises:
        ShowtellError: there is no such file or folder, or a folder cannot be read.
    """
    if not top.is_dir() and top.exists():
        return [top]
    pages = list_files(top, HTML_SUFFIXES | MARKDOWN_SUFFIXES, ShowtellError)
    return [page for page in pages if not page.is_symlink()]


def site_of(top: Path) -> Path:
    """The folder of the site that is meant: the folder itself; of a file the current one, or else the file's own."""
    if top.is_dir():
        return top
    here = Path()
    return here if top.resolve().is_relative_to(here.resolve()) else top.parent
