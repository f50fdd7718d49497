"""Lookup of files by inexact names: backslashes, surrounding blanks, Unicode normalization, letter case."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from showtell.datasets.reading import absolute


class FileNames:
    """The files of folders by canonical name; each folder is read once."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, Path | None]] = {}

    def find(self, folder: Path, name: str) -> Path:
        """Return the absolute path of the file that `name` in `folder` means, or the path as written if there is none.

        If no file has just that name, backslashes are slashes, blanks around do not count, and of files whose names
        differ in nothing but capitals or in how accents are composed (Unicode NFC, NFD) the only one is meant.
        """
        written = absolute(folder / name)
        if is_file(written):
            return written
        slashed = absolute(folder / name.strip().replace("\\", "/"))
        try:
            parts = slashed.relative_to(absolute(folder)).parts
        except ValueError:
            return written
        path: Path | None = absolute(folder)
        for part in parts:
            path = self._entries(path).get(canonical(part)) if path else None
        return path if path and is_file(path) else written

    def _entries(self, folder: Path) -> dict[str, Path | None]:
        """What lies in a folder by canonical name; None where several have it."""
        if folder not in self._folders:
            entries: dict[str, Path | None] = {}
            try:
                for path in folder.iterdir():
                    key = canonical(path.name)
                    entries[key] = None if key in entries else path
            except (OSError, ValueError):
                pass
            self._folders[folder] = entries
        return self._folders[folder]


def canonical(name: str) -> str:
    """Return the canonical form of a name, the same for all variants."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip()


def is_file(path: Path) -> bool:
    """Return whether there is such a file; False for names that the file system does not allow."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
