"""Images without alternative text within one paragraph or heading of Markdown, as CommonMark reads it."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

from showtell.alt.html import end_of_raw, image_of, read_tag
from showtell.alt.image import Image

_SPECIAL = re.compile(r"[\\`<\[\]]|!\[")
_BACKTICKS = re.compile(r"`+")
_GAP = re.compile(r"[ \t]*(?:\n[ \t]*)?")
_LABEL = re.compile(r"\[((?:\\.|[^\[\]\\]){1,999})\]", re.DOTALL)
_POINTED = re.compile(r"<((?:\\.|[^<>\n\\])*)>")
_TITLE = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\((?:\\.|[^()\\])*\)""", re.DOTALL)
_REST_OF_LINE = re.compile(r"[ \t]*(?:\n|\Z)")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|&[#\w]+;")
_OPEN_TAG = re.compile(
    r"""<([A-Za-z][A-Za-z0-9-]*)(?:\s+[A-Za-z_:][A-Za-z0-9_.:-]*(?:\s*=\s*(?:[^\s"'=<>`]+|'[^']*'|"[^"]*"))?)*\s*/?>"""
)
_OTHER_HTML = re.compile(
    r"<!---?>|<!--.*?-->|<\?.*?\?>|<![A-Za-z][^>]*>|<!\[CDATA\[.*?\]\]>|</[A-Za-z][A-Za-z0-9-]*\s*>"
    r"|<[A-Za-z][A-Za-z0-9.+-]{1,31}:[^\x00-\x20<>]*>",
    re.DOTALL,
)
# As many as CommonMark asks for: within each other in a destination, and characters of a label.
_PARENTHESES, _LABEL_LENGTH = 32, 999
# Pandoc's and kramdown's attributes behind an image.
_OWN_ALT = re.compile(r"\{[^{}\n]*\balt=")


@dataclass
class _Bracket:
    """An opening bracket whose partner has not come yet."""

    start: int
    inside: int
    is_image: bool
    may_link: bool = True


def images_inline(text: str, definitions: Mapping[str, str]) -> list[Image]:
    """The images of a paragraph, in their order, as `![](...)`, as `![][...]` and as `<img>`.

    Args:
        text: its lines, without indentation and the marks of quotes and lists.
        definitions: the document's link reference definitions: destination by `normal` label.
    """
    found: list[Image] = []
    brackets: list[_Bracket] = []
    at = 0
    while special := _SPECIAL.search(text, at):
        at = special.start()
        mark = special[0]
        if mark == "\\":
            at += 2
        elif mark == "`":
            at = _behind_code(text, at)
        elif mark == "<":
            at, image = _behind_html(text, at)
            found += [image] if image else []
        elif mark != "]":
            brackets.append(_Bracket(at, special.end(), mark == "!["))
            at = special.end()
        else:
            bracket = brackets.pop() if brackets else None
            link = _link(text, bracket.inside, at, definitions) if bracket and bracket.may_link else None
            if bracket and link:
                source, end = link
                if bracket.is_image:
                    # an image within another's text is a part of that text
                    found = [image for image in found if image.offset < bracket.start]
                    if bracket.inside == at and not _OWN_ALT.match(text, end):
                        found.append(Image(at, source, "markdown"))
                else:
                    for outer in brackets:  # a link holds no link
                        outer.may_link &= outer.is_image
                at = end
            else:
                at += 1
    return found


def read_definition(text: str, start: int) -> tuple[str, str, int] | None:
    """The link reference definition at `start`: its `normal` label, its destination, and where it ends."""
    label = _LABEL.match(text, start)
    if label is None or not label[1].strip() or not text.startswith(":", label.end()):
        return None
    at = _behind_gap(text, label.end() + 1)
    destination = _destination(text, at)
    if destination is None or destination[1] == at:
        return None
    source, end = destination
    at = _behind_gap(text, end)
    title = _TITLE.match(text, at) if at > end else None
    for behind in (title.end() if title else end, end):
        if rest := _REST_OF_LINE.match(text, behind):
            return normal(label[1]), source, rest.end()
    return None


def normal(label: str) -> str:
    """A label as labels are compared."""
    return " ".join(label.split()).casefold()


def _link(text: str, inside: int, close: int, definitions: Mapping[str, str]) -> tuple[str, int] | None:
    """The destination of the brackets from `inside` to `close`, and where the link ends; None if it is none."""
    if found := _in_parentheses(text, close + 1):
        return found
    label = _LABEL.match(text, close + 1)
    if label and label[1].strip():
        name, end = label[1], label.end()
    else:
        name, end = text[inside:close], close + 1 + 2 * text.startswith("[]", close + 1)
    source = definitions.get(normal(name)) if len(name) <= _LABEL_LENGTH else None
    return None if source is None else (source, end)


def _in_parentheses(text: str, start: int) -> tuple[str, int] | None:
    """The destination in `(destination "title")` at `start`, and the offset behind it."""
    if not text.startswith("(", start):
        return None
    destination = _destination(text, _behind_gap(text, start + 1))
    if destination is None:
        return None
    source, end = destination
    at = _behind_gap(text, end)
    if at > end and (title := _TITLE.match(text, at)):
        at = _behind_gap(text, title.end())
    return (source, at + 1) if text.startswith(")", at) else None


def _destination(text: str, start: int) -> tuple[str, int] | None:
    """The destination at `start`, escapes undone, and the offset behind it."""
    if text.startswith("<", start):
        pointed = _POINTED.match(text, start)
        return (_unescaped(pointed[1]), pointed.end()) if pointed else None
    at, depth = start, 0
    while at < len(text) and text[at] > " " and text[at] != "\x7f":
        if text[at] == "\\" and at + 1 < len(text) and text[at + 1] > " ":
            at += 1
        elif text[at] == "(":
            depth += 1
            if depth > _PARENTHESES:
                return None
        elif text[at] == ")":
            if depth == 0:
                break
            depth -= 1
        at += 1
    return None if depth else (_unescaped(text[start:at]), at)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: found[1] or html.unescape(found[0]), text)


def _behind_gap(text: str, start: int) -> int:
    gap = _GAP.match(text, start)
    return gap.end() if gap else start


def _behind_code(text: str, start: int) -> int:
    """The offset behind a code span; behind the backticks, if as many do not come again."""
    opening = _BACKTICKS.match(text, start)
    length = len(opening[0]) if opening else 1
    for closing in _BACKTICKS.finditer(text, start + length):
        if len(closing[0]) == length:
            return closing.end()
    return start + length


def _behind_html(text: str, start: int) -> tuple[int, Image | None]:
    """The offset behind a tag, a comment or an autolink, and the image that it is; behind `<` if it is none."""
    if opening := _OPEN_TAG.match(text, start):
        name, end = opening[1].lower(), opening.end()
        tag = read_tag(text, start + 1) if name == "img" else None
        image = image_of(tag, start) if tag else None
        return end_of_raw(text, name, end) if name in ("script", "style") else end, image
    other = _OTHER_HTML.match(text, start)
    return other.end() if other else start + 1, None
