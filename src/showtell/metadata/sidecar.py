"""Sidecars: files of XMP beside a photo."""

from __future__ import annotations

from pathlib import Path

from showtell.vision.photo import PHOTO_SUFFIXES

# Cameras write IMG.CR2 and IMG.JPG, and Adobe's IMG.xmp is then the former's.
_RAW = "3fr arw cr2 cr3 crw dng erf iiq kdc mef mos mrw nef nrw orf pef raf raw rw2 srw x3f"
_PICTURES = PHOTO_SUFFIXES.union(f".{name}" for name in _RAW.split())


def sidecar_of(photo: Path) -> Path:
    """The sidecar to write: IMG.JPG.xmp; Adobe's IMG.xmp if there is only that and no other picture can mean it."""
    own, adobe = _names(photo)
    return own if own.exists() or not adobe.exists() or _is_shared(photo) else adobe


def other_sidecar_of(photo: Path) -> Path | None:
    """A sidecar that is there, may speak of the photo, and is not the one to write."""
    return next((path for path in _names(photo) if path.exists() and path != sidecar_of(photo)), None)


def _names(photo: Path) -> tuple[Path, Path]:
    return photo.with_name(f"{photo.name}.xmp"), photo.with_suffix(".xmp")


def _is_shared(photo: Path) -> bool:
    """Whether another picture beside it differs only in its suffix."""
    return any(
        other.stem == photo.stem and other.name != photo.name and other.suffix.lower() in _PICTURES
        for other in photo.parent.iterdir()
    )
