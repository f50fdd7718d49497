"""A data set: photos with their captions, and the problems that were found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from showtell.datasets.splits import canonical_split

ProblemKind = Literal[
    "missing photo",
    "no captions",
    "unreadable photo",
    "empty caption",
    "no objects",
    "held-out photo",
    "outside the folder",
    "malformed entry",
    "no split",
    "two splits",
]
_NAMES_SHOWN = 3


@dataclass(frozen=True)
class Example:
    """A photo with its captions, its split and its objects.

    `objects` are the names of its classes, without duplicates; None if unknown.
    """

    photo: Path
    captions: tuple[str, ...]
    split: str
    objects: tuple[str, ...] | None = None


@dataclass(frozen=True)
class TextOnly:
    """Text-only captions: those of a photo that is not in the data set, with its objects."""

    captions: tuple[str, ...]
    objects: tuple[str, ...]


@dataclass(frozen=True)
class Problem:
    """Something in a data set that was left out or repaired; `name` is a photo or a `file:line`."""

    kind: ProblemKind
    name: str
    detail: str


@dataclass(frozen=True)
class Dataset:
    """The result of a reader. Everything that was dropped is in `problems`.

    Attributes:
        name: its folder's.
        examples: every photo with a caption.
        problems: what was left out or repaired.
        uncaptioned: every photo that has objects and no caption.
        texts: text-only captions, whose photos are not in the data set.
    """

    name: str
    examples: tuple[Example, ...]
    problems: tuple[Problem, ...]
    uncaptioned: tuple[Example, ...] = ()
    texts: tuple[TextOnly, ...] = ()

    def split(self, name: str) -> tuple[Example, ...]:
        """Return the examples of one split (`train`, `val` or `dev`, `test`), none where there is no such split."""
        return tuple(example for example in self.examples if example.split == canonical_split(name))

    def summary(self) -> str:
        """Return a summary in a few lines: counts per split, further content, counts per kind of problem."""
        lines = [f"{self.name}: {_count(self.examples)}"]
        for split in dict.fromkeys(example.split for example in self.examples):
            lines.append(f"  {split}: {_count(self.split(split))}")
        if known := sum(example.objects is not None for example in self.examples):
            lines.append(f"  objects known: {known:,} photos")
        if self.uncaptioned:
            lines.append(f"  objects and no captions: {len(self.uncaptioned):,} photos")
        if self.texts:
            captions = sum(len(text.captions) for text in self.texts)
            lines.append(f"  captions of photos that are not there: {captions:,} of {len(self.texts):,}")
        return "\n".join([*lines, *(f"  {line}" for line in problem_lines(self.problems))])


def problem_lines(problems: tuple[Problem, ...]) -> list[str]:
    """Return a line for each kind of problem: how many, and the first few by name."""
    lines = []
    for kind, count in Counter(problem.kind for problem in problems).items():
        names = [problem.name for problem in problems if problem.kind == kind]
        more = ", ..." if count > _NAMES_SHOWN else ""
        lines.append(f"{kind}: {count:,} ({', '.join(names[:_NAMES_SHOWN])}{more})")
    return lines


def _count(examples: tuple[Example, ...]) -> str:
    captions = sum(len(example.captions) for example in examples)
    return f"{len(examples):,} photos, {captions:,} captions"
