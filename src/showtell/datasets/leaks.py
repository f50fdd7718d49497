"""Leaks: training photos that are also validation or test photos under another name, within and between data sets.

Two photos are the same if their files are identical, or if their difference hashes (16 x 16 bits, whether a cell is
brighter than the one before it; Krawetz 2013, "Kind of like that") differ in at most 40 bits and their thumbnails of
16 x 16 colours correlate. Of 500 photos of Flickr8k and COCO, 499 are found when saved again at half the size and
quality 30; 495 with higher brightness and contrast; 466 when cropped by 2 % at each edge. Of all pairs of the 12,197
photos, one is considered the same, and is. The hash alone confuses smooth skies, the thumbnail alone beaches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from showtell._util.cpu import usable_cores
from showtell.datasets.content import content_keys
from showtell.datasets.dataset import Dataset
from showtell.errors import DatasetError, PhotoError
from showtell.vision.photo import open_photo

_SIDE = 16
_BITS = _SIDE * _SIDE
_MAX_DISTANCE = 40
_MIN_CORRELATION = 0.95
_BLOCK = 2048
_SHOWN = 3

# A difference hash of -1 and 1, (256,), and a thumbnail, (768,), of mean 0 and length 1, or 0 where all is of one grey.
_Fingerprint: TypeAlias = tuple[NDArray[np.int8], NDArray[np.float32]]


@dataclass(frozen=True)
class Leak:
    """A training photo and the held-out (validation or test) photo that is the same.

    Attributes:
        train: the training photo.
        held_out: the held-out photo.
        distance: how many of the 256 bits of their hashes differ, 0 if the files are the same.
        within: whether both are in the same data set.
    """

    train: Path
    held_out: Path
    distance: int
    within: bool


def find_leaks(datasets: Sequence[Dataset], progress: Callable[[int, int], None] | None = None) -> list[Leak]:
    """Return the training photos of any of the data sets that are held-out photos of any of them, in their order.

    Photos without captions are training photos too, if they are in `train`. A photo that cannot be opened matches no
    other. Each photo is decoded once, about 5 ms of a core at 256 x 256; `progress` is called with the photos done and
    those there are.
    """
    train: dict[Path, int] = {}
    held_out: dict[Path, int] = {}
    for number, dataset in enumerate(datasets):
        for example in (*dataset.examples, *dataset.uncaptioned):
            (train if example.split == "train" else held_out)[example.photo] = number
    photos = list(train | held_out)
    found = _nearest(_fingerprints(photos, progress or (lambda done, total: None)), list(train), list(held_out))
    keys, _ = content_keys(photos)
    by_content = {keys[photo]: photo for photo in reversed(held_out) if photo in keys}
    found |= {photo: (by_content[keys[photo]], 0) for photo in train if keys.get(photo) in by_content}
    return [
        Leak(photo, other, distance, number == held_out[other])
        for photo, number in train.items()
        if photo in found
        for other, distance in [found[photo]]
    ]


def leak_lines(leaks: Sequence[Leak]) -> list[str]:
    """Return a warning about leaks within a data set, which only its author can fix; empty without any."""
    within = [leak for leak in leaks if leak.within]
    return [f"the scores will be too high: {_pairs(within)}"] if within else []


def refuse_leaks(leaks: Sequence[Leak]) -> None:
    """Raise an error if there are leaks between two data sets, naming the first ones and the fix.

    Raises:
        DatasetError: there are.
    """
    if between := [leak for leak in leaks if not leak.within]:
        raise DatasetError(f"{_pairs(between)}; take them out of one of the two data sets")


def _pairs(leaks: Sequence[Leak]) -> str:
    pairs = "; ".join(f"{leak.train} is {leak.held_out}" for leak in leaks[:_SHOWN])
    more = "; ..." if len(leaks) > _SHOWN else ""
    return f"{len(leaks):,} training photos are held-out photos too ({pairs}{more})"


def _fingerprints(photos: Sequence[Path], report: Callable[[int, int], None]) -> dict[Path, _Fingerprint]:
    """Return the fingerprints of the photos that can be opened."""
    fingerprints = {}
    with ThreadPoolExecutor(usable_cores()) as pool:
        for done, (photo, fingerprint) in enumerate(zip(photos, pool.map(_fingerprint, photos), strict=True), 1):
            if fingerprint is not None:
                fingerprints[photo] = fingerprint
            report(done, len(photos))
    return fingerprints


def _fingerprint(photo: Path) -> _Fingerprint | None:
    try:
        image = open_photo(photo)
    except PhotoError:
        return None
    cells = np.asarray(image.convert("L").resize((_SIDE + 1, _SIDE), Image.Resampling.LANCZOS)).astype(np.int16)
    hashes = np.where(cells[:, 1:] > cells[:, :-1], 1, -1).astype(np.int8)
    thumbnail = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)).astype(np.float32).ravel()
    thumbnail -= thumbnail.mean()
    return hashes.ravel(), thumbnail / max(float(np.linalg.norm(thumbnail)), 1.0)


def _nearest(
    fingerprints: dict[Path, _Fingerprint], train: Sequence[Path], held_out: Sequence[Path]
) -> dict[Path, tuple[Path, int]]:
    """Return the nearest matching held-out photo of each training photo that has one, and their distance."""
    train = [photo for photo in train if photo in fingerprints]
    held_out = [photo for photo in held_out if photo in fingerprints]
    found: dict[Path, tuple[Path, int]] = {}
    if not held_out:
        return found
    hashes, thumbnails = _stacked(fingerprints, held_out)
    for start in range(0, len(train), _BLOCK):
        block = train[start : start + _BLOCK]
        own_hashes, own_thumbnails = _stacked(fingerprints, block)
        distances = (_BITS - own_hashes @ hashes.T) / 2
        distances[own_thumbnails @ thumbnails.T < _MIN_CORRELATION] = _BITS
        for photo, row in zip(block, distances, strict=True):
            nearest = int(row.argmin())
            if row[nearest] <= _MAX_DISTANCE:
                found[photo] = held_out[nearest], int(row[nearest])
    return found


def _stacked(
    fingerprints: dict[Path, _Fingerprint], photos: Sequence[Path]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return (
        np.array([fingerprints[photo][0] for photo in photos], np.float32),
        np.array([fingerprints[photo][1] for photo in photos], np.float32),
    )
