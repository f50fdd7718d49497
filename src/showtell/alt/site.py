"""The pages of a site's sources."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec

from showtell._util.files import read_regular
from showtell.alt.page import HTML_SUFFIXES, MARKDOWN_SUFFIXES
from showtell.errors import ShowtellError

_PACKAGES = frozenset(
    {"_vendor", "bower_components", "jspm_packages", "node_modules", "site-packages", "third_party", "vendor"}
)
_GENERATED = frozenset({"__pycache__", "_build", "_site"})
# Marker files of folders: virtual environments of Python and conda, and caches.
_MARKER_FILES = {
    "pyvenv.cfg": "is a virtual environment",
    "conda-meta": "is a virtual environment",
    "CACHEDIR.TAG": "is a cache",
}
# The folders of `.gitignore`s that apply, from above, and what they say.
_IgnoreRules = tuple[tuple[Path, GitIgnoreSpec], ...]


@dataclass(frozen=True)
class Listing:
    """What a site's folder holds.

    Attributes:
        pages: its pages, sorted.
        skipped: the folders and pages that are not the site's source, and what they are.
        unreadable: the folders that cannot be read, and why.
    """

    pages: list[Path] = field(default_factory=list)
    skipped: dict[Path, str] = field(default_factory=dict)
    unreadable: dict[Path, str] = field(default_factory=dict)


def list_pages(top: Path) -> Listing:
    """The HTML and Markdown files below a folder; a file gives itself.

    Files and folders whose name begins with a dot are passed over, and so are links: what they lead to is found where
    it is, or is not the site's. Others' packages, and what a generator makes, by its name or as `.gitignore` says, are
    skipped; not the folder itself, whatever it is.

    Raises:
        ShowtellError: there is no such file or folder.
    """
    if not top.exists():
        raise ShowtellError(f"{top}: no such file or folder; check the path")
    if not top.is_dir():
        return Listing([top])
    listing = Listing()

    def unreadable(problem: OSError) -> None:
        listing.unreadable[Path(problem.filename)] = problem.strerror or str(problem)

    whole = top.resolve()  # rules may be above the current folder
    rules_of = {top: _rules_above(whole)}
    for folder, subfolders, names in os.walk(top, onerror=unreadable):
        here = Path(folder)
        place = whole / here.relative_to(top)
        rules = rules_of.pop(here) + _rules_of(place)
        searched = []
        for name in subfolders:
            if name.startswith(".") or (here / name).is_symlink():
                continue
            if reason := _not_source(here / name) or _ignored(place / name, rules, is_folder=True):
                listing.skipped[here / name] = reason
            else:
                searched.append(name)
                rules_of[here / name] = rules
        subfolders[:] = searched
        for page in (here / name for name in names if not name.startswith(".")):
            if page.suffix.lower() not in HTML_SUFFIXES | MARKDOWN_SUFFIXES or page.is_symlink():
                continue
            if reason := _ignored(place / page.name, rules, is_folder=False):
                listing.skipped[page] = reason
            else:
                listing.pages.append(page)
    listing.pages.sort()
    return listing


def site_of(top: Path) -> Path:
    """The folder of the site that is meant: the folder itself; of a file the current one, or else the file's own."""
    if top.is_dir():
        return top
    here = Path()
    return here if top.resolve().is_relative_to(here.resolve()) else top.parent


def _not_source(folder: Path) -> str:
    """Why a folder is not part of the site's sources; empty if it is."""
    if folder.name in _PACKAGES:
        return "holds others' packages"
    if folder.name in _GENERATED:
        return "is made by a generator"
    if (rules := _rules_of(folder)) and _ignored(folder / "any", rules, is_folder=False):  # itself and all in it
        return "is ignored by Git"
    return next((what for name, what in _MARKER_FILES.items() if os.path.lexists(folder / name)), "")


def _ignored(path: Path, rules: _IgnoreRules, *, is_folder: bool) -> str:
    """That Git ignores a file or a folder; empty if it does not. The nearest rule that says something counts."""
    for folder, spec in reversed(rules):
        if path.is_relative_to(folder):
            found = spec.check_file(path.relative_to(folder).as_posix() + "/" * is_folder)
            if found.include is not None:
                return "is ignored by Git" if found.include else ""
    return ""


def _rules_of(folder: Path) -> _IgnoreRules:
    """What a folder's `.gitignore` says; nothing if it has none that can be read."""
    try:
        lines = read_regular(folder / ".gitignore").decode("utf-8", "surrogateescape").splitlines()
        return ((folder, GitIgnoreSpec.from_lines(lines)),)
    except (OSError, ValueError):
        return ()


def _rules_above(top: Path) -> _IgnoreRules:
    """What the folders above say, up to the repository's, unless they ignore the folder itself."""
    folders = [top, *top.parents]
    height = next((height for height, folder in enumerate(folders) if os.path.lexists(folder / ".git")), 0)
    rules = tuple(rule for folder in reversed(folders[1 : height + 1]) for rule in _rules_of(folder))
    return () if any(_ignored(folder, rules, is_folder=True) for folder in folders[:height]) else rules
