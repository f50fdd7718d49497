"""Sidecars: XMP files next to a photo."""

from __future__ import annotations

import os
from pathlib import Path

# As cameras and Windows write it, too.
_SUFFIXES = (".xmp", ".XMP", ".Xmp")
# What may have a photo's name and is no picture: texts about it, and the sidecar itself.
_NO_PICTURES = {"", ".txt", ".xmp"}
_LONGEST_NAME = 255


def sidecar_of(photo: Path) -> Path:
    """The sidecar to write: IMG.JPG.xmp; Adobe's IMG.xmp if there is only that and no other file can mean it.

    Where IMG.JPG.xmp would be longer than names can be, IMG.xmp, if no other file can mean it.
    """
    own, adobe = _own(photo), _adobe(photo)
    if there := _there(own):
        return there[0]
    there, too_long = _there(adobe), len(os.fsencode(own[0].name)) > _LONGEST_NAME
    if not (there or too_long) or _is_shared(photo):
        return own[0]
    return there[0] if there else adobe[0]


def other_sidecars_of(photo: Path) -> list[Path]:
    """The sidecars that are there, may speak of the photo, and are not the one to write."""
    mine = _there([sidecar_of(photo)])
    return [path for path in _there([*_own(photo), *_adobe(photo)]) if not any(path.samefile(one) for one in mine)]


def _own(photo: Path) -> list[Path]:
    """IMG.JPG.xmp, also of a photo whose suffix was written in the other case."""
    suffixes = dict.fromkeys([photo.suffix, photo.suffix.lower(), photo.suffix.upper()])
    return [photo.with_name(photo.stem + suffix + of_xmp) for suffix in suffixes for of_xmp in _SUFFIXES]


def _adobe(photo: Path) -> list[Path]:
    return [photo.with_name(photo.stem + suffix) for suffix in _SUFFIXES]


def _there(paths: list[Path]) -> list[Path]:
    """Those that are there; a name too long is not."""
    return [path for path in paths if os.path.lexists(path)]


def _is_shared(photo: Path) -> bool:
    """Whether another file beside it differs only in its suffix: cameras write IMG.CR2 and IMG.JPG."""
    stem = photo.stem.casefold()
    with os.scandir(photo.parent) as entries:
        others = [Path(entry.path) for entry in entries if entry.name != photo.name and entry.name[:1] != "."]
    return any(
        other.stem.casefold() == stem
        and other.suffix.lower() not in _NO_PICTURES
        and not (other.name.casefold() == photo.name.casefold() and other.samefile(photo))
        for other in others
    )
