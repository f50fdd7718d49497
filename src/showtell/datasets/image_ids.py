"""COCO's image ids: a number in one file may be a string in another, and two images may share one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Id = int | str


class ImageIds:
    """The images of a file by id: 7 and "7" are the same id, unless both occur.

    Attributes:
        duplicates: ids shared by images of different names, which are therefore ambiguous.
    """

    def __init__(self, images: Iterable[tuple[Id, str]]) -> None:
        self._names: dict[Id, str] = {}
        self.duplicates: set[Id] = set()
        for id_, name in images:
            if self._names.setdefault(id_, name) != name:
                self.duplicates.add(id_)
        self._plain: dict[Id, list[Id]] = {}
        for id_ in self._names:
            self._plain.setdefault(_plain(id_), []).append(id_)

    def __iter__(self) -> Iterator[Id]:
        """Give the ids as the file's images have them, in their order."""
        return iter(self._names)

    def name(self, id_: Id) -> str | None:
        """Return the name of the image that an id means, None if it means none or cannot be told."""
        known = self.known(id_)
        return None if known is None or known in self.duplicates else self._names[known]

    def known(self, id_: Id) -> Id | None:
        """Return an id as the file's images have it."""
        if id_ in self._names:
            return id_
        alike = self._plain.get(_plain(id_), [])
        return alike[0] if len(alike) == 1 else None


def _plain(id_: Id) -> Id:
    """Return the number that a text of digits is, anything else as it is."""
    return int(id_) if isinstance(id_, str) and id_.isascii() and id_.isdigit() and len(id_) <= 20 else id_
