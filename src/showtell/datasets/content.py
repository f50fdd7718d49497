"""Content keys: photos identified by their bytes, not by their names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from showtell._util.files import open_regular


def content_keys(photos: Sequence[Path]) -> tuple[dict[Path, bytes], dict[Path, str]]:
    """Return the SHA-256 of each photo's file, and the problems of those that cannot be read."""
    keys: dict[Path, bytes] = {}
    unreadable: dict[Path, str] = {}
    for photo in photos:
        try:
            with open_regular(photo) as file:
                keys[photo] = hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            unreadable[photo] = f"{photo}: cannot be read ({error.strerror})"
    return keys, unreadable
