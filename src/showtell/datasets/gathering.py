"""What all readers share: finding the photos, joining their captions, dividing them into splits."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from showtell.datasets.dataset import Dataset, Example, Problem, ProblemKind, problem_lines
from showtell.errors import DatasetError
from showtell.vision.photo import PHOTO_SUFFIXES

PHOTO_FOLDERS = ("images", "Images", "photos", "Flicker8k_Dataset")
SPLITS = {
    "train": "train",
    "training": "train",
    "restval": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}


# The first tenth of all digests, as their first two bytes.
_TENTH = (2**16 // 10).to_bytes(2)


class Gathering:
    """Collects what a reader finds, photo by photo, and makes the `Dataset` of it.

    A photo's name is resolved against the photos folder. It may not lead out of that folder and the data
    set's, neither by `..` nor as an absolute path.
    """

    def __init__(self, folder: Path, photos: Path) -> None:
        self._photos = _plain(photos)
        self._roots = (self._photos, _plain(folder))
        self._paths: dict[str, Path | None] = {}
        self._captions: dict[Path, list[str]] = {}
        self._splits: dict[Path, str] = {}
        self._problems: list[Problem] = []

    def problem(self, kind: ProblemKind, name: str, detail: str) -> None:
        """Note what is left out, and why."""
        self._problems.append(Problem(kind, name, detail))

    def photo(self, photo: str, where: str) -> Path | None:
        """Note a photo and return its path, None if it is refused; `where` (file:line) is the mention."""
        if photo not in self._paths:
            path = _plain(self._photos / photo)
            if any(path != root and path.is_relative_to(root) for root in self._roots):
                self._paths[photo] = path
                self._captions.setdefault(path, [])
            else:
                self._paths[photo] = None
                detail = f"{photo} is not in {self._photos}; name its folder as that of the photos"
                self.problem("outside the folder", where, detail)
        return self._paths[photo]

    def caption(self, photo: str, caption: object, where: str) -> None:
        """Add a caption of `photo`, its blanks as single spaces."""
        path = self.photo(photo, where)
        if path is None:
            return
        if not isinstance(caption, str):
            self.problem("malformed entry", where, f"a caption of {photo} is {caption!r:.80}, not text")
        elif not caption.split():
            self.problem("empty caption", where, f"the caption of {photo} is empty")
        else:
            self._captions[path].append(" ".join(caption.split()))

    def split(self, photo: str, split: str, where: str) -> None:
        """Put `photo` into a split; `dev` and `validation` are `val`, `restval` is `train`."""
        path = self.photo(photo, where)
        if path is None:
            return
        split = SPLITS.get(split.strip().lower(), split.strip().lower())
        first = self._splits.setdefault(path, split)
        if first != split:
            self.problem("two splits", where, f"{photo} is in {first} and stays there, not in {split}")

    def dataset(self) -> Dataset:
        """Return the data set, its photos in the order of their first mention.

        Where the source names splits, a photo in none is left out and named. Where it names none, every photo
        gets one from a hash of its name (SHA-256): about one in ten is `val`, the others are `train`, and two
        photos are enough for one of each. So a photo keeps its split when others are added.

        Raises:
            DatasetError: no photo with a caption is left.
        """
        captioned = {}
        for path, captions in self._captions.items():
            if not _is_file(path):
                lost = f"there is no file {path}; its {len(captions)} captions are left out"
                self.problem("missing photo", self._label(path), lost)
            elif not captions:
                self.problem("no captions", self._label(path), f"nothing describes {path}")
            else:
                captioned[path] = captions
        for path in self._photos_never_named():
            self.problem("no captions", self._label(path), f"nothing describes {path}")
        splits = self._splits or hash_split({path: self._label(path) for path in captioned})
        examples = []
        for path, captions in captioned.items():
            if path in splits:
                examples.append(Example(path, tuple(captions), splits[path]))
            else:
                self.problem("no split", self._label(path), "other photos have a split, this one has none")
        if not examples:
            found = "; ".join(problem_lines(tuple(self._problems))) or "nothing that describes a photo"
            raise DatasetError(f"data set {self._roots[1]}: no photo has a caption; {found}")
        return Dataset(self._roots[1].name, tuple(examples), tuple(self._problems))

    def _label(self, path: Path) -> str:
        """Return a photo's name in its folder, with slashes: the same on every machine."""
        root = next(root for root in self._roots if path.is_relative_to(root))
        return path.relative_to(root).as_posix()

    def _photos_never_named(self) -> list[Path]:
        """Return the photos that lie beside named ones and are not named themselves."""
        folders = dict.fromkeys(path.parent for path in self._captions)
        return [
            path for folder in folders if folder.is_dir() for path in photos_in(folder) if path not in self._captions
        ]


def photos_in(folder: Path) -> list[Path]:
    """Return the photos right in a folder, sorted."""
    seen = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in seen if path.suffix.lower() in PHOTO_SUFFIXES)


def find_photos(given: Path | None, folders: Sequence[Path], names: Iterable[str], source: Path) -> Path:
    """Return the folder of the photos: the one given, or the first of `folders` that holds one of `names`.

    Raises:
        DatasetError: there is none.
    """
    if given is not None:
        if not given.is_dir():
            raise DatasetError(f"photos folder {given}: no such folder; name the one that holds the photos")
        return given
    present = [folder for folder in folders if folder.is_dir()]
    name = None
    for name in names:
        for folder in present:
            if _is_file(folder / name):
                return folder
    if name is None:
        raise DatasetError(f"{source}: it names no photo; is it the captions file, and complete?")
    looked = ", ".join(str(folder) for folder in folders)
    raise DatasetError(f"{source}: none of its photos, such as {name}, is in {looked}; name their folder")


def usual_folders(folder: Path) -> list[Path]:
    """Return where the photos of a captions file in `folder` usually lie."""
    return [*(folder / name for name in PHOTO_FOLDERS), folder]


def read_text(path: Path) -> str:
    """Return a file's text: UTF-8, with or without a byte-order mark, its line ends as they are.

    Raises:
        DatasetError: it cannot be read, or is not UTF-8 (named with its line).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise DatasetError(f"{path}:{line}: byte {byte:#04x} is not UTF-8; save the file as UTF-8") from error


def hash_split(names: dict[Path, str]) -> dict[Path, str]:
    """Return a split for each photo from a hash of its name: about one in ten `val`, of two one."""
    draws = {path: hashlib.sha256(name.encode()).digest() for path, name in names.items()}
    by_draw = sorted(draws, key=draws.__getitem__)
    splits = {path: "val" if draws[path] < _TENTH else "train" for path in names}
    if by_draw:
        splits[by_draw[-1]] = "train"
    if len(by_draw) > 1:
        splits[by_draw[0]] = "val"
    return splits


def _plain(path: Path) -> Path:
    """Return the absolute path without `.` and `..`; links are followed later, as the user laid them."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system
        return False
