"""Resolving a path in a page to a file of the site's sources."""

from __future__ import annotations

import filecmp
import posixpath
import re
from pathlib import Path

from showtell.errors import PhotoError

# What site generators copy to the site's root: Hugo, Docusaurus and Gatsby static; Next, Astro and Vite public; Hugo
# assets; MkDocs, Sphinx and Jekyll docs.
_STATIC_FOLDERS = ("static", "public", "assets", "docs")
_PARENTS = re.compile(r"\A(?:\.{0,2}/)+")


def resolve_path(path: str, page: Path, site: Path) -> Path:
    """A file of the site, without links in its path; it may be missing.

    A path is from the page's folder, one that begins with `/` from the site's. If nothing is there, it is looked for
    as from the site's root, which is the folder `static`, `public`, `assets` or `docs` beside the page or in a folder
    above it, or, for one that begins with `/`, that folder itself; the nearest has it. None is above the site's.

    Args:
        path: as a URL has it, escapes undone.
        page: the page's file.
        site: the site's folder.

    Raises:
        PhotoError: the path leads out of the site, also by a link, or cannot be followed; or several files could be
            meant. The message does not name the path.
    """
    try:
        top, folder = site.resolve(), page.parent.resolve()
        written = (top / path.lstrip("/") if path.startswith("/") else folder / path).resolve()
        inside = written.is_relative_to(top)
        files = [written] if not inside or written.exists() else _static_files(path, folder, top) or [written]
        same = all(filecmp.cmp(files[0], other, shallow=False) for other in files[1:])
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle; a null byte
        raise PhotoError(f"cannot be followed ({error}); check the path") from error
    if not inside:
        raise PhotoError(
            f"leads out of {site}, and is not read; name the site's whole folder, or copy the photo into it"
        )
    if not same:
        names = " or ".join(file.relative_to(top).as_posix() for file in files)
        raise PhotoError(f"could be {names}, which differ; name one of them, or that folder as the site")
    return files[0]


def _static_files(path: str, folder: Path, top: Path) -> list[Path]:
    """The files that may be copied to where a path leads, of the nearest folder, from the page's up, that has any."""
    names = ("", *_STATIC_FOLDERS) if path.startswith("/") else _STATIC_FOLDERS
    below = _PARENTS.sub("", posixpath.normpath(path))
    for root in (folder, *folder.parents):
        if not root.is_relative_to(top):
            break
        files = dict.fromkeys((root / name / below).resolve() for name in names)
        if found := [file for file in files if file.is_relative_to(top) and file.is_file()]:
            return found
    return []
