"""The dataset builder that all readers fill: finds photos, joins their captions, assigns splits."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from showtell.datasets.dataset import Dataset, Example, Problem, ProblemKind, problem_lines
from showtell.datasets.names import FileNames, is_file
from showtell.datasets.objects import match_objects, read_objects, unique_names
from showtell.datasets.reading import absolute
from showtell.datasets.splits import canonical_split, split_of_folder
from showtell.datasets.texts import read_texts
from showtell.errors import DatasetError
from showtell.vision.photo import PHOTO_SUFFIXES

PHOTO_FOLDERS = ("images", "Images", "photos", "Flicker8k_Dataset", "flickr30k-images", "flickr30k_images")

# Digests whose first two bytes are below this, a tenth of all, are validation.
_VALIDATION_BOUND = (2**16 // 10).to_bytes(2)


class DatasetBuilder:
    """Collects what a reader finds, photo by photo, and builds the `Dataset`.

    A photo's name is resolved against the photos folder by `FileNames.find`. It may not lead out of that folder or the
    data set's, neither by `..` nor as an absolute path. `objects.json` and `captions_text.tsv.gz` are looked for next
    to the captions: in `beside`, or else in `folder`.
    """

    def __init__(self, folder: Path, photos: Path, beside: Path | None = None) -> None:
        self._beside = beside or folder
        self._photos = absolute(photos)
        self._roots = (self._photos, absolute(folder))
        self._paths: dict[str, Path | None] = {}
        self._captions: dict[Path, list[str]] = {}
        self._splits: dict[Path, str] = {}
        self._names = FileNames()
        self._splits_stated = False
        self._objects: dict[Path, tuple[str, ...]] = {}
        self._problems: list[Problem] = []

    def add_problem(self, kind: ProblemKind, name: str, detail: str) -> None:
        """Record what is left out, and why."""
        self._problems.append(Problem(kind, name, detail))

    def add_photo(self, photo: str, where: str) -> Path | None:
        """Add a photo and return its path, or None if it is refused; `where` is the file:line that mentions it."""
        if photo not in self._paths:
            path = self._names.find(self._photos, photo)
            if any(path != root and path.is_relative_to(root) for root in self._roots):
                self._paths[photo] = path
                self._captions.setdefault(path, [])
            else:
                self._paths[photo] = None
                detail = f"{photo} is not in {self._photos}; name its folder as that of the photos"
                self.add_problem("outside the folder", where, detail)
        return self._paths[photo]

    def add_caption(self, photo: str, caption: object, where: str) -> None:
        """Add a caption of `photo`, with whitespace normalized."""
        path = self.add_photo(photo, where)
        if path is None:
            return
        if not isinstance(caption, str):
            self.add_problem("malformed entry", where, f"a caption of {photo} is {caption!r:.80}, not text")
        elif not caption.split():
            self.add_problem("empty caption", where, f"the caption of {photo} is empty")
        else:
            self._captions[path].append(" ".join(caption.split()))

    def set_split(self, photo: str, split: object, where: str) -> None:
        """Assign `photo` to a split, a text or an integer; `dev` is `val`, `restval` is `train`, blank is ignored."""
        path = self.add_photo(photo, where)
        if path is None or split is None or split == "" or (isinstance(split, str) and not split.strip()):
            return
        self._splits_stated = True
        if not isinstance(split, int | str) or isinstance(split, bool):
            self.add_problem("malformed entry", where, f"the split of {photo} is {split!r:.80}, not a name")
            return
        split = canonical_split(str(split))
        first = self._splits.setdefault(path, split)
        if first != split:
            self.add_problem("two splits", where, f"{photo} is in {first} and stays there, not in {split}")

    def set_objects(self, photo: str, classes: Iterable[str], where: str) -> None:
        """Set the object classes of `photo`, without duplicates; a second call replaces them."""
        path = self.add_photo(photo, where)
        if path is not None:
            self._objects[path] = unique_names(classes)

    def build(self) -> Dataset:
        """Return the data set, its photos in the order of their first mention.

        A photo whose split its source does not say is in that of its folder, where a folder is called `train`, `val`
        or `test`. Where splits are said, or folders are, a photo in none is left out and named. Otherwise every photo
        gets one from a hash of its name (SHA-256): about one in ten is `val`, the others are `train`, and two
        photos are enough for one of each. So a photo keeps its split when others are added. A photo that has objects
        and no caption, and of which no source says the split, is in `train`, unless all those with captions in its
        folder are in another.

        Raises:
            DatasetError: no photo with a caption is left, or a file beside the captions cannot be read.
        """
        mentioned = self._captions | {path: [] for path in self._unmentioned_photos()}
        present = {path: None for path in mentioned if is_file(path)}
        objects = self._objects_of(present)
        captioned = {}
        uncaptioned = []
        for path, captions in mentioned.items():
            if captions and path in present:
                captioned[path] = captions
            elif path in objects:
                uncaptioned.append(path)
            elif path in present:
                self.add_problem("no captions", self._label(path), f"nothing describes {path}")
            else:
                lost = f"there is no file {path}; its {len(captions)} captions are left out"
                self.add_problem("missing photo", self._label(path), lost)
        splits = self._folder_splits(mentioned) | self._splits
        if not splits and not self._splits_stated:
            splits = hash_split({path: self._label(path) for path in captioned})
        examples = []
        for path, captions in captioned.items():
            if path in splits:
                examples.append(Example(path, tuple(captions), splits[path], objects.get(path)))
            else:
                self.add_problem("no split", self._label(path), "other photos have a split, this one has none")
        if not examples:
            found = "; ".join(problem_lines(tuple(self._problems))) or "nothing that describes a photo"
            raise DatasetError(f"data set {self._roots[1]}: no photo has a caption; {found}")
        held_out = {path.stem: split for path, split in splits.items() if split != "train"}
        texts, problems = read_texts(self._beside, held_out)
        self._problems += problems
        others = self._uncaptioned(uncaptioned, examples, objects, splits)
        return Dataset(self._roots[1].name, tuple(examples), tuple(self._problems), others, texts)

    def _objects_of(self, photos: Collection[Path]) -> dict[Path, tuple[str, ...]]:
        """Return the objects of the photos whose objects are known; `objects.json` overrides the reader's."""
        whole = {self._label(path, self._roots[::-1]): path for path in photos}
        stated, problems = read_objects(self._beside)
        matched, unmatched = match_objects(stated, whole)
        self._problems += problems + unmatched
        own = {path: classes for path, classes in self._objects.items() if path in photos}
        return own | {whole[label]: classes for label, classes in matched.items()}

    def _folder_splits(self, photos: Iterable[Path]) -> dict[Path, str]:
        """Return the splits of photos in folders named like a split; the outermost folder counts."""
        found = {}
        for path in photos:
            folders = self._label(path, self._roots[::-1]).split("/")[:-1]
            if split := next((split for name in folders if (split := split_of_folder(name))), None):
                found[path] = split
        return found

    def _uncaptioned(
        self,
        photos: Sequence[Path],
        examples: Sequence[Example],
        objects: Mapping[Path, tuple[str, ...]],
        splits: Mapping[Path, str],
    ) -> tuple[Example, ...]:
        """Return the photos without captions, each in the split that its source says, or that of its folder."""
        around: dict[Path, set[str]] = defaultdict(set)
        for example in examples:
            around[example.photo.parent].add(example.split)

        def split(path: Path) -> str:
            return "train" if len(around[path.parent]) != 1 else next(iter(around[path.parent]))

        return tuple(Example(path, (), splits.get(path) or split(path), objects[path]) for path in photos)

    def _label(self, path: Path, roots: tuple[Path, ...] = ()) -> str:
        """Return a photo's name in its folder, or in the first of `roots`, with slashes: the same on every machine."""
        root = next(root for root in roots or self._roots if path.is_relative_to(root))
        return path.relative_to(root).as_posix()

    def _unmentioned_photos(self) -> list[Path]:
        """Return the photos in the same folders that no caption file mentions."""
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
    listed = FileNames()
    name = None
    for name in names:
        for folder in present:
            if is_file(listed.find(folder, name)):
                return folder
    if name is None:
        raise DatasetError(f"{source}: it names no photo; is it the captions file, and complete?")
    looked = ", ".join(str(folder) for folder in folders)
    raise DatasetError(f"{source}: none of its photos, such as {name}, is in {looked}; name their folder")


def usual_folders(folder: Path) -> list[Path]:
    """Return where the photos of a captions file in `folder` usually lie."""
    return [*(folder / name for name in PHOTO_FOLDERS), folder]


def hash_split(names: dict[Path, str]) -> dict[Path, str]:
    """Return a split for each photo from a hash of its name: about one in ten `val`, of two one."""
    draws = {path: hashlib.sha256(os.fsencode(name)).digest() for path, name in names.items()}
    by_draw = sorted(draws, key=draws.__getitem__)
    splits = {path: "val" if draws[path] < _VALIDATION_BOUND else "train" for path in names}
    if by_draw:
        splits[by_draw[-1]] = "train"
    if len(by_draw) > 1:
        splits[by_draw[0]] = "val"
    return splits
