"""Images without alternative text in Markdown, at their exact places, as CommonMark reads it.

The parser is pulldown-cmark, which says where everything is, in time that grows with the length alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pyromark

from showtell.alt.html import IMAGE_TAG, UNCLOSED_TAG, image_of, images_of
from showtell.alt.image import Image
from showtell.alt.tags import Tags
from showtell.alt.template import Hidden, hide_templates

_OPTIONS = pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_FOOTNOTES
# What goes on within a leaf; everything else begins or ends one.
_INLINE = frozenset({"Emphasis", "Strong", "Link", "Image"})
# Quotes and lists within each other beyond this many are text: every line that goes on in them costs them all.
_DEEPEST = 200
_MARK = r"[ \t]*+(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t]))"
_TOO_DEEP = re.compile(rf"^((?:{_MARK}){{{_DEEPEST}}})((?:{_MARK})+)", re.MULTILINE)
_LONE_RETURN = re.compile(r"\r(?!\n)")
# Pandoc's and kramdown's attributes behind an image.
_OWN_ALT = re.compile(r"\{[^{}\n]*\balt=")
# What CommonMark takes for text, and others may not: tags with JSX in them, paths with spaces, and those of wikis.
_LIKE_AN_IMAGE = re.compile(rf"{IMAGE_TAG.pattern}|!\[\]\(([^()\n]+)\)|!\[\[([^\[\]\n]+)\]\]", re.IGNORECASE)

_NOT_A_TAG = "has a tag that is none to CommonMark"
_NOT_A_PATH = "is no image to CommonMark; write ![](path), and a path with spaces as <path>"


def images_in_markdown(text: str) -> list[Image]:
    """The images without alternative text, and those that a person must look at, in their order.

    Not those in code, comments and front matter.
    """
    hidden = hide_templates(text)
    page = _LONE_RETURN.sub("\n", hidden.text)
    page = _TOO_DEEP.sub(lambda found: found[1] + re.sub(r"[^ \t]", "x", found[2]), page)
    place = _places(page)
    images: list[Image] = []
    leaf, within, is_code, behind_address = _Leaf(), 0, False, 0
    for event, span in pyromark.events_with_range(page, options=_OPTIONS):
        kind, what = next(iter(event.items())) if isinstance(event, dict) else (event, None)
        start, end = place(span["start"]), place(span["end"])
        name, about = next(iter(what.items())) if isinstance(what, dict) else (what, {})
        if kind in ("Start", "End") and name not in _INLINE:
            images += leaf.images(page, hidden)
            leaf = _Leaf()
            is_code = kind == "Start" and name == "CodeBlock"
        elif kind == "End" and name == "Image":
            within -= 1
        elif kind == "Start" and name == "Image":
            if not within and page.startswith("![]", start) and not _OWN_ALT.match(page, end):
                leaf.found.append(Image(start + 2, hidden.restored(about["dest_url"]), "markdown"))
            within += 1
        elif within:  # an image within another's text is a part of that text
            continue
        elif kind in ("Html", "InlineHtml"):
            leaf.html.append((start, end))
        elif kind == "Start" and name == "Link" and page.startswith("<", start):
            behind_address = end
        elif kind == "Text" and not is_code and start >= behind_address:
            leaf.add_text(start, end)
    return images + leaf.images(page, hidden)


def _places(page: str) -> Callable[[int], int]:
    """The offset of the character at an offset of the page in UTF-8."""
    if page.isascii():
        return int
    begins = (np.frombuffer(page.encode(), np.uint8) & 0xC0) != 0x80
    before = np.concatenate([[0], np.cumsum(begins)])
    return lambda offset: int(before[offset])


@dataclass
class _Leaf:
    """A paragraph, a heading, a cell or a block of HTML: where its parts lie."""

    found: list[Image] = field(default_factory=list)
    html: list[tuple[int, int]] = field(default_factory=list)
    text: list[tuple[int, int]] = field(default_factory=list)

    def add_text(self, start: int, end: int) -> None:
        """Put text at the end."""
        if self.text and self.text[-1][1] == start:
            start = self.text.pop()[0]
        self.text.append((start, end))

    def images(self, page: str, hidden: Hidden) -> list[Image]:
        """The images, in their order."""
        found = self.found + self._like_images(page, hidden)
        if self.html:
            begin = at = self.html[0][0]
            pieces = []
            for start, end in self.html:
                pieces += [" " * (start - at), page[start:end]]
                at = end
            text = "".join(pieces)
            tags = list(Tags(text))
            starts = [begin + tag.start for tag in tags]
            # for a browser, what a script or a style holds is no picture
            found = [
                image
                for image in found
                if not (tag := bisect_right(starts, image.offset)) or begin + tags[tag - 1].end <= image.offset
            ]
            found += [replace(image, offset=begin + image.offset) for image in images_of(tags, text, hidden)]
        return sorted(found, key=lambda image: image.offset)

    def _like_images(self, page: str, hidden: Hidden) -> list[Image]:
        """Text that is no image to CommonMark but looks like one without alternative text."""
        found: list[Image] = []
        if not self.text:
            return found
        begin, end = self.text[0][0], self.text[-1][1]
        starts = [start for start, _ in self.text]
        tags, behind = None, begin
        for like in _LIKE_AN_IMAGE.finditer(page, begin, end):
            at = like.start()
            run = bisect_right(starts, at) - 1
            is_escaped = at == starts[run] and page.startswith("\\", at - 1)
            if at < behind or at >= self.text[run][1] or is_escaped:
                continue
            if path := like[1] or like[2]:
                found.append(Image(at + 2, hidden.restored(path), "markdown", review_reason=_NOT_A_PATH))
                continue
            tags = tags or Tags(page[begin:end])
            tag = tags.read(at - begin)
            if not tag.name:  # nor has any behind it
                last = [
                    Image(rest.end(), "", "html", review_reason=UNCLOSED_TAG)
                    for rest in IMAGE_TAG.finditer(page, at, end)
                ]
                return found + last
            behind = begin + tag.end
            if image := image_of(tag, hidden):
                found.append(
                    replace(image, offset=begin + image.offset, review_reason=image.review_reason or _NOT_A_TAG)
                )
        return found
