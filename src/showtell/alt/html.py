"""Images without alternative text in HTML, at their exact places.

The text is cut into tags as the HTML standard's tokenizer does it (13.2.5), down to comments that end early and scripts
that hold comments: `html.parser` gives lines and columns of what it thinks a tag is, which is not always the same.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from showtell.alt.image import Image

_COMMENT = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))", re.DOTALL)
_TAG_NAME = re.compile(r"[^\t\n\f\r />]+")
_BETWEEN = re.compile(r"[\t\n\f\r /]*")
_ATTRIBUTE = re.compile(r"(=?[^\t\n\f\r />=]*)(?:[\t\n\f\r ]*(=)[\t\n\f\r ]*)?")
_UNQUOTED = re.compile(r"[^\t\n\f\r >]*")
_REFERENCE = re.compile(r"&[#\w]+;")
# What these hold is text, whatever it looks like. `noscript` is looked into: lazy images have their plain ones there.
_RAW = frozenset({"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"})
_FOREIGN = frozenset({"math", "svg"})
# What these hold is no part of the document where scripts run.
_APART = frozenset({"noscript", "template"})
_IN_SCRIPT = re.compile(r"<!(?=--)|-->|<(/?)script(?=[\t\n\f\r />])", re.IGNORECASE)
# `alt`, also where Vue, Angular and Alpine write it: it will have a value.
_ALT = re.compile(r"(?:(?:v-bind|x-bind)?:|\[(?:attr\.)?|ng-attr-)?alt\]?(?:\.\w+)*")


@dataclass(frozen=True)
class Tag:
    """A start tag, or an end tag.

    Attributes:
        name: in lower case.
        attributes: by name in lower case, character references undone; the first of a name.
        end: the offset behind it.
        closed: whether it ends in `/>`.
    """

    name: str
    attributes: dict[str, str]
    end: int
    closed: bool


def images_in_html(text: str) -> list[Image]:
    """The images without alternative text, in their order.

    Not those with an empty `alt`, those hidden from assistive technology and those with an ARIA label. The first
    `<base>` with an `href` counts (HTML standard 4.2.3), for what comes behind it: browsers load an image where they
    meet it.
    """
    found: list[Image] = []
    base: str | None = None
    for start, tag, in_document in _start_tags(text):
        if tag.name == "img" and (image := image_of(tag, start, base or "")):
            found.append(image)
        elif tag.name == "base" and in_document and base is None:
            base = tag.attributes.get("href")
    return found


def image_of(tag: Tag, start: int, base: str = "") -> Image | None:
    """The image of an `<img>` tag that begins at `start`; None if it needs no alternative text."""
    attributes = tag.attributes
    if (
        any(map(_ALT.fullmatch, attributes))
        or attributes.get("role", "").lower().split()[:1] in (["presentation"], ["none"])
        or attributes.get("aria-hidden", "").strip().lower() == "true"
        or attributes.get("aria-label", "").strip()
        or attributes.get("aria-labelledby", "").strip()
        # a template's expression among the attributes may bring an alt
        or any(mark in name for name in attributes for mark in "{}<%")
    ):
        return None
    source = attributes.get("src", "").strip()
    if not source or source.lower().startswith("data:"):
        source = attributes.get("data-src", "").strip() or source
    return Image(start + len("<img"), source, "html", base)


def read_tag(text: str, start: int) -> Tag | None:
    """The tag whose name begins at `start`; None if the text ends before the tag does."""
    name = _TAG_NAME.match(text, start)
    if name is None:
        return None
    attributes: dict[str, str] = {}
    at = name.end()
    while True:
        between = _BETWEEN.match(text, at)
        at = between.end() if between else at
        if at >= len(text):
            return None
        if text[at] == ">":
            return Tag(name[0].lower(), attributes, at + 1, text[at - 1] == "/" and bool(between and between[0]))
        attribute = _ATTRIBUTE.match(text, at)
        if attribute is None:
            return None
        value, at = "", attribute.end()
        if attribute[2]:
            quote = text[at : at + 1]
            if quote in ('"', "'") and quote:
                end = text.find(quote, at + 1)
                if end < 0:
                    return None
                value, at = text[at + 1 : end], end + 1
            elif unquoted := _UNQUOTED.match(text, at):
                value, at = unquoted[0], unquoted.end()
        attributes.setdefault(
            attribute[1].lower(), _REFERENCE.sub(lambda reference: html.unescape(reference[0]), value)
        )


def end_of_raw(text: str, name: str, start: int) -> int:
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


def _start_tags(text: str) -> Iterator[tuple[int, Tag, bool]]:
    """Every start tag, with the offset of its `<`, and whether what it begins is HTML and in the document."""
    at = foreign = apart = 0
    while (at := text.find("<", at)) >= 0:
        start, ends = at, text.startswith("/", at + 1)
        if comment := _COMMENT.match(text, at):
            at = comment.end()
        elif foreign and text.startswith("<![CDATA[", at):
            at = _behind(text, "]]>", at)
        elif _is_letter(text[at + 1 + ends : at + 2 + ends]):
            tag = read_tag(text, at + 1 + ends)
            if tag is None or tag.name == "plaintext":
                return
            at = tag.end
            if tag.name in _FOREIGN and not tag.closed:
                foreign = max(0, foreign - 1) if ends else foreign + 1
            if tag.name in _APART:
                apart = max(0, apart - 1) if ends else apart + 1
            if ends:
                continue
            yield start, tag, not (foreign or apart)
            if tag.name in _RAW and not (foreign and tag.closed):
                at = end_of_raw(text, tag.name, at)
        elif ends or text.startswith(("!", "?"), at + 1):
            at = _behind(text, ">", at)
        else:
            at += 1


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()


def _behind(text: str, mark: str, start: int) -> int:
    found = text.find(mark, start)
    return len(text) if found < 0 else found + len(mark)
