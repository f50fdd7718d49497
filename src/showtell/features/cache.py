"""The feature store: each photo is encoded once, also across interrupted runs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from showtell._util.cpu import usable_cores
from showtell._util.files import remove_leftovers, write_atomically
from showtell.datasets.content import content_keys
from showtell.datasets.dataset import Problem
from showtell.errors import DatasetError, PhotoError
from showtell.vision.stream import encode_photos

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMAT = 1
_DTYPE = np.dtype("<f2")
# The exponent of float16: all ones in what is not finite.
_NOT_FINITE = np.uint16(0x7C00)
_KEY_BYTES = hashlib.sha256().digest_size
_WAIT_SECONDS = 0.2


@dataclass(frozen=True)
class FillReport:
    """Result of `fill`: `rows[photo]` is the row of a photo's features; `unreadable` lists photos without."""

    rows: dict[Path, int]
    unreadable: tuple[Problem, ...]


class FeatureStore:
    """Features of photos in a folder: float16, memory-mapped, keyed by the photo's content.

    The key is the SHA-256 of the photo's file: a photo with two names is stored once, a changed one again.
    Each encoder and each shape has its own folder. Records of one size are appended to
    `features.f16` and made durable before their keys are appended to `keys.bin`. So a kill or a full disk
    leaves a valid prefix; anything behind it is ignored and truncated by the next `fill`.
    """

    def __init__(self, folder: str | os.PathLike[str], encoder_identity: str, shape: tuple[int, ...]) -> None:
        """Open the store in `folder`, or make it; `shape` is one photo's, such as (81, 1280) or (1280,).

        Raises:
            DatasetError: the folder cannot be made or read.
        """
        header = {"format": _FORMAT, "encoder": encoder_identity, "shape": shape, "dtype": _DTYPE.str}
        about = json.dumps(header, indent=2)
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", encoder_identity)[:60]
        sides = "x".join(str(side) for side in shape)
        self._folder = Path(folder) / f"{slug}-{sides}-{hashlib.sha256(about.encode()).hexdigest()[:12]}"
        self._features = self._folder / "features.f16"
        self._keys = self._folder / "keys.bin"
        self._shape = shape
        self._record = int(np.prod(shape)) * _DTYPE.itemsize
        with self._disk_errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            if not (self._folder / "store.json").exists():
                write_atomically(self._folder / "store.json", about)
            remove_leftovers([self._folder])
            for file in (self._features, self._keys):
                if not file.exists():
                    file.touch()
            self._rows = self._stored()

    @property
    def features(self) -> NDArray[np.float16]:
        """The features of all M photos, float16 `(M, *shape)`, mapped: only rows that are indexed are read."""
        shape = (len(self._rows), *self._shape)
        if not self._rows:
            return np.empty(shape, _DTYPE)
        return np.memmap(self._features, _DTYPE, mode="r", shape=shape)

    def fill(
        self,
        photos: Sequence[Path],
        encode: Callable[[Image], NDArray[np.float32]],
        *,
        batch: int = 32,
        progress: Callable[[int, int], None] | None = None,
    ) -> FillReport:
        """Compute the features that are missing, and return the row of each photo in `features`.

        `encode` turns an RGB photo into features of `shape`. It is called by as many threads as there are cores (see
        `encode_photos`); `batch` features are made durable at once. `progress(done, total)` counts the photos whose
        features were missing at the beginning. While another process fills the same store, this one waits, and then
        computes what is left.

        Raises:
            DatasetError: the features have another shape or exceed float16, or the disk is full. What was
                stored before stays.
        """
        report = progress or (lambda done, total: None)
        keys, unreadable = content_keys(photos)
        wanted: dict[bytes, Path] = {}
        for photo, key in keys.items():
            wanted.setdefault(key, photo)
        broken: dict[bytes, str] = {}
        with self._disk_errors():
            self._rows = self._stored()
            total = len(wanted.keys() - self._rows.keys())
            if total:
                with self._locked(lambda: report(total - len(wanted.keys() - self._stored().keys()), total)):
                    self._rows = self._stored()
                    missing = {key: photo for key, photo in wanted.items() if key not in self._rows}
                    before = total - len(missing)
                    if before:
                        report(before, total)
                    broken = self._append(missing, encode, batch, lambda done: report(before + done, total))
        rows = {photo: self._rows[key] for photo, key in keys.items() if key in self._rows}
        unreadable |= {photo: broken[key] for photo, key in keys.items() if key in broken}
        problems = (Problem("unreadable photo", str(photo), why) for photo, why in unreadable.items())
        return FillReport(rows, tuple(problems))

    def _append(
        self,
        missing: dict[bytes, Path],
        encode: Callable[[Image], NDArray[np.float32]],
        batch: int,
        report: Callable[[int], None],
    ) -> dict[bytes, str]:
        """Encode and store the missing photos; return the problems of those that cannot be opened."""
        broken: dict[bytes, str] = {}
        waiting: dict[bytes, NDArray[np.float16]] = {}
        with self._features.open("r+b") as features, self._keys.open("r+b") as keys:
            for file, size in ((features, self._record), (keys, _KEY_BYTES)):
                file.truncate(len(self._rows) * size)
                file.seek(0, os.SEEK_END)
            encoded = encode_photos(missing.values(), lambda photo: self._to_float16(encode(photo)), usable_cores())
            for done, (key, (_, found)) in enumerate(zip(missing, encoded, strict=True), 1):
                if isinstance(found, PhotoError):
                    broken[key] = str(found)
                else:
                    waiting[key] = found
                if len(waiting) == batch or done == len(missing):
                    _write_durably(features, b"".join(record.tobytes() for record in waiting.values()))
                    _write_durably(keys, b"".join(waiting))
                    self._rows |= {new: len(self._rows) + i for i, new in enumerate(waiting)}
                    waiting = {}
                report(done)
        return broken

    def _to_float16(self, features: NDArray[np.float32]) -> NDArray[np.float16]:
        if features.shape != self._shape:
            raise DatasetError(f"feature store: features have shape {features.shape}, expected {self._shape}")
        with np.errstate(over="ignore"):
            half = features.astype(_DTYPE)
        if not np.isfinite(half).all():
            raise DatasetError("feature store: float16 cannot hold the features; scale them below 65,504")
        return half

    def _stored(self) -> dict[bytes, int]:
        """Return the rows of all complete records: keys are read first, as they are written last."""
        keys = self._keys.read_bytes()
        complete = min(len(keys) // _KEY_BYTES, self._features.stat().st_size // self._record)
        return {keys[row * _KEY_BYTES : (row + 1) * _KEY_BYTES]: row for row in range(complete)}

    @contextmanager
    def _locked(self, wait: Callable[[], None]) -> Iterator[None]:
        """Hold the store's lock, which the system releases however this process ends."""
        with (self._folder / "lock").open("ab") as file:
            while not _try_lock(file):
                wait()
                time.sleep(_WAIT_SECONDS)
            yield

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            fix = "free space or choose another folder, and start again: what is stored stays"
            raise DatasetError(f"feature store {self._folder}: {error.strerror}; {fix}") from error


def check_finite(
    features: NDArray[np.floating[Any]], photos: Sequence[Path], stored: NDArray[np.floating[Any]]
) -> None:
    """Check features that were read from a store.

    Args:
        features: of some photos, (N, ...).
        photos: those, N of them.
        stored: what they were read from, such as `FeatureStore.features`.

    Raises:
        DatasetError: they hold numbers that are not finite, which the store never wrote; the photo is named.
    """
    # NumPy asks float16 one by one, and integers many at a time
    wrong = (
        (features.view(np.uint16) & _NOT_FINITE) == _NOT_FINITE
        if features.dtype == np.float16
        else ~np.isfinite(features)
    )
    if wrong.any():
        place = int(wrong.reshape(len(wrong), -1).any(axis=1).argmax())
        file = getattr(stored, "filename", None)
        where, fix = "", "compute them anew"
        if file:
            where, fix = f" in {file}", f"remove {Path(file).parent}, and all are computed anew"
        raise DatasetError(f"the features of {photos[place]}{where} are damaged: not finite; {fix}")


def _write_durably(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def _try_lock(file: IO[bytes]) -> bool:
    """Try to lock a file exclusively; closing it releases the lock."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
