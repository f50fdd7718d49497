"""Mentions of COCO's 80 objects in captions, found with a table of words."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from showtell.text.tokenizer import tokenize

PERSON = "person"

_TABLE = Path(__file__).with_name("coco_objects.txt")
_NONE, _QUALIFIER, _UNLESS = "-", "qualifier", "unless "


class _Mention(NamedTuple):
    """Where the words of a mention begin and end in a caption, the words, and their class."""

    begin: int
    end: int
    words: tuple[str, ...]
    name: str


class ObjectWords:
    """A table of words for classes of objects.

    A line of it is a class, a colon and its words, with commas between; the class's name is one of them. `-` is before
    what is no object although such a word is in it; those of `qualifier` name nothing right before another object, as
    in "a baby giraffe"; those of `unless CLASS` name nothing in a caption that names the class. Plurals in -s and -es
    belong to the words; of those that overlap the longest counts.

    Attributes:
        classes: their names, in the order of the table.
    """

    def __init__(self, table: str) -> None:
        self._class_of: dict[tuple[str, ...], str] = {}
        self._qualifiers: set[tuple[str, ...]] = set()
        self._unless: dict[tuple[str, ...], str] = {}
        for line in table.splitlines():
            head, _, rest = line.partition("#")[0].partition(":")
            head = head.strip()
            phrases = [tuple(phrase.split()) for phrase in rest.split(",") if phrase.strip()]
            if head == _QUALIFIER:
                self._qualifiers.update(phrases)
            elif head.startswith(_UNLESS):
                self._unless |= {form: head.removeprefix(_UNLESS) for phrase in phrases for form in _forms(phrase)}
            elif head:
                named = phrases if head == _NONE else [tuple(head.split()), *phrases]
                self._class_of |= {form: head for phrase in named for form in _forms(phrase)}
        self.classes = tuple(dict.fromkeys(name for name in self._class_of.values() if name != _NONE))
        self._longest = max(map(len, self._class_of), default=0)

    def named(self, caption: str) -> list[str]:
        """Return the class of each mention of an object in a caption, in the order of the words."""
        found = list(self._mentions(" ".join(tokenize(caption)).replace("-", " ").split()))
        classes = {mention.name for mention in found}
        things = {mention.begin for mention in found if mention.name not in (PERSON, _NONE)}
        return [
            mention.name
            for mention in found
            if mention.name != _NONE
            and self._unless.get(mention.words) not in classes
            and not (mention.words in self._qualifiers and mention.end in things)
        ]

    def class_of(self, name: str) -> str | None:
        """Return the class that a name of an object means, None if it is none of them."""
        found = self._class_of.get(tuple(name.lower().split()), _NONE)
        return None if found == _NONE else found

    def _mentions(self, words: list[str]) -> Iterator[_Mention]:
        place = 0
        while place < len(words):
            for length in range(min(self._longest, len(words) - place), 0, -1):
                phrase = tuple(words[place : place + length])
                if phrase in self._class_of:
                    yield _Mention(place, place + length, phrase, self._class_of[phrase])
                    place += length
                    break
            else:
                place += 1


@functools.cache
def coco_words() -> ObjectWords:
    """The table of COCO's 80 objects, read once."""
    return ObjectWords(_TABLE.read_text(encoding="utf-8"))


def _forms(phrase: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return phrase, (*phrase[:-1], _plural(phrase[-1]))


def _plural(word: str) -> str:
    if word.endswith(("s", "x", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"
