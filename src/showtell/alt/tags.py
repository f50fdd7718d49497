"""HTML cut into tags at their exact places, as the HTML standard's tokenizer does it (13.2.5).

Down to comments that end early and scripts that hold comments, and in time that grows with the length alone. Parsers
that say where a tag is do neither: tree-sitter's grammar sees images in declarations, CDATA and titles, and takes the
square of the time for comments that are not closed. One thing is not HTML's: a value that begins with a brace ends at
its partner, as in JSX and Svelte.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_COMMENT = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))", re.DOTALL)
_TAG_NAME = re.compile(r"[^\t\n\f\r />]+")
_BETWEEN = re.compile(r"[\t\n\f\r /]*")
_NAME = re.compile(r"=?[^\t\n\f\r />=]*")
_EQUALS = re.compile(r"[\t\n\f\r ]*=[\t\n\f\r ]*")
_UNQUOTED = re.compile(r"[^\t\n\f\r >]*")
_REFERENCE = re.compile(r"&[#\w]+;")
_IN_BRACES = re.compile(r"""[{}]|"[^"\n]*"|'[^'\n]*'""")
# What these hold is text, whatever it looks like. `noscript` is looked into: lazy images have their plain ones there.
_RAW = frozenset({"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"})
_FOREIGN = frozenset({"math", "svg"})
# What these hold is no part of the document where scripts run.
_APART = frozenset({"noscript", "template"})
_IN_SCRIPT = re.compile(r"<!(?=--)|-->|<(/?)script(?=[\t\n\f\r />])", re.IGNORECASE)


@dataclass(frozen=True)
class Tag:
    """A start tag or an end tag.

    Attributes:
        start: the offset of its `<`.
        end: the offset behind it; behind a `<script>` and the like, that of its end tag.
        name: in lower case; empty for a tag that the text ends in.
        attributes: by name in lower case, character references undone; the first of a name.
        braces: where its values and names in braces lie.
        is_end: whether it is an end tag.
        closed: whether it ends in `/>`.
        in_document: whether what it begins is HTML, and not in a `<template>` or a `<noscript>`.
    """

    start: int
    end: int
    name: str
    attributes: dict[str, str]
    braces: tuple[tuple[int, int], ...] = ()
    is_end: bool = False
    closed: bool = False
    in_document: bool = True


class Tags:
    """The tags of a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        # whether there has been a brace without a partner: nobody looks for one again
        self._open_brace = False

    def __iter__(self) -> Iterator[Tag]:
        text, at = self.text, 0
        foreign = apart = 0
        while (at := text.find("<", at)) >= 0:
            start, ends = at, text.startswith("/", at + 1)
            if comment := _COMMENT.match(text, at):
                at = comment.end()
            elif foreign and text.startswith("<![CDATA[", at):
                at = _behind(text, "]]>", at)
            elif _is_letter(text[at + 1 + ends : at + 2 + ends]):
                tag = self.read(start)
                at = tag.end
                if tag.name == "plaintext":
                    return
                if tag.name in _FOREIGN and not tag.closed:
                    foreign = max(0, foreign - 1) if ends else foreign + 1
                if tag.name in _APART:
                    apart = max(0, apart - 1) if ends else apart + 1
                if not ends and tag.name in _RAW and not (foreign and tag.closed):
                    at = _end_of_raw(text, tag.name, at)
                yield replace(tag, end=at, in_document=not (foreign or apart))
            elif ends or text.startswith(("!", "?"), at + 1):
                at = _behind(text, ">", at)
            else:
                at += 1

    def read(self, start: int) -> Tag:
        """The tag that begins at `start`."""
        text = self.text
        is_end = text.startswith("/", start + 1)
        name = _TAG_NAME.match(text, start + 1 + is_end)
        at = name.end() if name else len(text)
        attributes: dict[str, str] = {}
        braces: list[tuple[int, int]] = []
        while True:
            between = _BETWEEN.match(text, at)
            at = between.end() if between else at
            if name is None or at >= len(text):
                return Tag(start, len(text), "", {})
            if text[at] == ">":
                closed = text[at - 1] == "/" and bool(between and between[0])
                return Tag(start, at + 1, name[0].lower(), attributes, tuple(braces), is_end, closed)
            key, at, in_braces = self._part(at, _NAME)
            if in_braces:
                braces.append((at - len(key), at))
            value = ""
            if equals := _EQUALS.match(text, at):
                at = equals.end()
                quote = text[at : at + 1]
                if quote and quote in "\"'":
                    end = text.find(quote, at + 1)
                    if end < 0:
                        return Tag(start, len(text), "", {})
                    value, at = _unescaped(text[at + 1 : end]), end + 1
                else:
                    value, at, in_braces = self._part(at, _UNQUOTED)
                    if in_braces:
                        braces.append((at - len(value), at))
                    else:
                        value = _unescaped(value)
            attributes.setdefault(key.lower(), value)

    def _part(self, start: int, pattern: re.Pattern[str]) -> tuple[str, int, bool]:
        """The braces at `start` with what is in them, or else what the pattern finds; its end; whether it is braces."""
        end = self._behind_braces(start)
        if end is not None:
            return self.text[start:end], end, True
        found = pattern.match(self.text, start)
        end = found.end() if found else start
        return self.text[start:end], end, False

    def _behind_braces(self, start: int) -> int | None:
        """The offset behind the partner of the brace at `start`; None if there is no brace, or no partner."""
        if self._open_brace or not self.text.startswith("{", start):
            return None
        depth = 0
        for found in _IN_BRACES.finditer(self.text, start):
            depth += (found[0] == "{") - (found[0] == "}")
            if depth == 0:
                return found.end()
        self._open_brace = True
        return None


def _unescaped(value: str) -> str:
    return _REFERENCE.sub(lambda reference: html.unescape(reference[0]), value)


def _end_of_raw(text: str, name: str, start: int) -> int:
    """Where the text of a `<script>`, `<style>` and the like ends that begins at `start`: at its end tag."""
    if name != "script":
        end = re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE).search(text, start)
        return end.start() if end else len(text)
    # `<!--` hides a `<script>` together with its end tag
    depth = 0
    for mark in _IN_SCRIPT.finditer(text, start):
        if mark[0] == "<!":
            depth = max(depth, 1)
        elif mark[0] == "-->":
            depth = 0
        elif not mark[1]:
            depth = 2 if depth else 0
        elif depth == 2:
            depth = 1
        else:
            return mark.start()
    return len(text)


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()


def _behind(text: str, mark: str, start: int) -> int:
    found = text.find(mark, start)
    return len(text) if found < 0 else found + len(mark)
