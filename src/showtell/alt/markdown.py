"""Images without alternative text in Markdown, at their exact places: its blocks, as CommonMark reads them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from showtell.alt.html import images_in_html
from showtell.alt.image import Image
from showtell.alt.inline import images_inline, read_definition

_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
# What site generators keep at a page's beginning, in YAML or TOML, and what is no Markdown.
_FRONT_MATTER = re.compile(
    r"---[ \t]*\r?\n(?![ \t]*\r?\n).*?^(?:---|\.\.\.)[ \t]*\r?$|\+\+\+[ \t]*\r?\n.*?^\+\+\+[ \t]*\r?$",
    re.DOTALL | re.MULTILINE,
)
_FENCE = re.compile(r"(`{3,})[^`]*\Z|(~{3,})")
_HEADING = re.compile(r"#{1,6}(?=[ \t]|\Z)")
_RULE = re.compile(r"(?:\*[ \t]*){3,}\Z|(?:-[ \t]*){3,}\Z|(?:_[ \t]*){3,}\Z")
_UNDERLINE = re.compile(r"(?:=+|-+)[ \t]*\Z")
_ITEM = re.compile(r"(?:[-+*]|(\d{1,9})[.)])(?=[ \t]|\Z)")

# How blocks of HTML begin, and how they end: at a mark, or, without one, before a blank line. The last one does not
# end a paragraph.
_BLOCK_NAMES = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|"
    "fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|"
    "menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|"
    "track|ul"
)
_HTML_BLOCKS = [
    (re.compile(start, re.IGNORECASE), re.compile(end, re.IGNORECASE) if end else None)
    for start, end in (
        (r"<(?:pre|script|style|textarea)(?=[ \t>]|\Z)", r"</(?:pre|script|style|textarea)>"),
        (r"<!--", r"-->"),
        (r"<\?", r"\?>"),
        (r"<!\[CDATA\[", r"\]\]>"),
        (r"<![A-Za-z]", r">"),
        (rf"</?(?:{_BLOCK_NAMES})(?=[ \t>]|/>|\Z)", None),
        (
            r"""(?:<[A-Za-z][A-Za-z0-9-]*(?:[ \t]+[A-Za-z_:][A-Za-z0-9_.:-]*"""
            r"""(?:[ \t]*=[ \t]*(?:[^\s"'=<>`]+|'[^']*'|"[^"]*"))?)*[ \t]*/?>"""
            r"|</[A-Za-z][A-Za-z0-9-]*[ \t]*>)[ \t]*\Z",
            None,
        ),
    )
]
_QUOTE = 0


def images_in_markdown(text: str) -> list[Image]:
    """The images without alternative text, in their order; not those in code, comments and front matter."""
    leaves = list(_leaves(text))
    definitions: dict[str, str] = {}
    for leaf in leaves:
        text = leaf.text
        while leaf.is_paragraph and (definition := read_definition(text, leaf.begin)):
            label, source, leaf.begin = definition
            definitions.setdefault(label, source)
    return [
        replace(image, offset=leaf.offset(image.offset))
        for leaf in leaves
        for image in (images_in_html(leaf.text) if leaf.is_html else images_inline(leaf.text, definitions))
        if image.offset >= leaf.begin
    ]


@dataclass
class _Leaf:
    """A paragraph, a heading or a block of HTML: its lines, without the marks of quotes and lists before them."""

    is_paragraph: bool = False
    is_html: bool = False
    begin: int = 0
    lines: list[str] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _offsets: list[int] = field(default_factory=list)
    _length: int = 0

    def add(self, line: str, offset: int) -> None:
        """Put a line at the end; it is at `offset` in the page."""
        self._starts.append(self._length)
        self._offsets.append(offset)
        self.lines.append(line)
        self._length += len(line) + 1

    @property
    def text(self) -> str:
        """The lines, a line feed between them."""
        return "\n".join(self.lines)

    def offset(self, at: int) -> int:
        """Where in the page the character `at` of the text is."""
        line = bisect_right(self._starts, at) - 1
        return self._offsets[line] + at - self._starts[line]


class _Line:
    """A line, read from the left; tabs reach to the next multiple of four columns."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = self.column = 0

    @property
    def rest(self) -> str:
        """What has not been read."""
        return self.text[self.at :]

    def is_blank(self) -> bool:
        return not self.rest.strip(" \t")

    def indent(self) -> int:
        """How many columns of blanks come next."""
        column = self.column
        for character in self.rest:
            if character not in " \t":
                break
            column = _next_column(column, character)
        return column - self.column

    def skip_blanks(self, columns: int) -> None:
        """Read so many columns of blanks, or as many as there are; a tab may be read in part."""
        goal = self.column + columns
        while self.column < goal and self.rest[:1] in (" ", "\t"):
            behind = _next_column(self.column, self.text[self.at])
            self.at += behind <= goal
            self.column = min(behind, goal)

    def skip(self, characters: int) -> None:
        """Read so many characters that are no tabs."""
        self.at += characters
        self.column += characters


def _next_column(column: int, blank: str) -> int:
    return column + (4 - column % 4 if blank == "\t" else 1)


def _leaves(text: str) -> Iterator[_Leaf]:
    """The page's leaves that may hold images."""
    containers: list[int] = []  # quotes, and list items by the columns that their lines are indented
    leaf: _Leaf | None = None
    fence, bare = "", False
    html_end: re.Pattern[str] | None = None
    front_matter = _FRONT_MATTER.match(text)
    for found in _LINE.finditer(text, front_matter.end() if front_matter else 0):
        line = _Line(found[1])
        matched = _matched(line, containers)
        if bare and matched == len(containers) and line.is_blank():
            # an item may begin with one blank line, not with two
            containers.pop()
            matched -= 1
        inside, bare = matched == len(containers), False
        if fence and inside:
            if line.indent() < 4 and _closes(line.rest.strip(" \t"), fence):
                fence = ""
            continue
        fence = ""
        if leaf and leaf.is_html:
            if inside and (html_end or not line.is_blank()):
                leaf.add(line.rest, found.start() + line.at)
                if html_end and html_end.search(line.rest):
                    yield leaf
                    leaf = None
                continue
            yield leaf
            leaf = None

        while (container := _opened(line, in_paragraph=leaf is not None and inside)) is not None:
            if leaf:
                yield leaf
                leaf = None
            containers[matched:] = [container]
            matched += 1
            inside, bare = True, container != _QUOTE and line.is_blank()

        blank, indent = line.is_blank(), line.indent()
        offset = found.start() + line.at
        if blank or indent >= 4:
            if leaf and not blank and not _defines_only(leaf):
                leaf.add(line.rest.lstrip(" \t"), offset + len(line.rest) - len(line.rest.lstrip(" \t")))
                continue
            if leaf:
                yield leaf
                leaf = None
            del containers[matched:]
            continue  # indented code

        line.skip_blanks(indent)
        rest, offset = line.rest, found.start() + line.at
        opening, heading = _FENCE.match(rest), _HEADING.match(rest)
        html_block = next(
            ((start, end) for start, end in _HTML_BLOCKS[: 6 if leaf else 7] if rest[0] == "<" and start.match(rest)),
            None,
        )
        ends = _RULE.match(rest) or (leaf and inside and _UNDERLINE.match(rest))
        if not (opening or heading or html_block or ends):
            if leaf is None:
                del containers[matched:]
                leaf = _Leaf(is_paragraph=True)
            leaf.add(rest, offset)
            continue
        if leaf:
            yield leaf
            leaf = None
        del containers[matched:]
        if opening:
            fence = opening[1] or opening[2]
        elif heading:
            title = _Leaf()
            title.add(rest, offset)
            yield title
        elif html_block:
            leaf, html_end = _Leaf(is_html=True), html_block[1]
            leaf.add(rest, offset)
            if html_end and html_end.search(rest):
                yield leaf
                leaf = None
    if leaf:
        yield leaf


def _defines_only(leaf: _Leaf) -> bool:
    """Whether a paragraph is definitions and no text yet: code may follow it."""
    text, at = leaf.text, 0
    while leaf.is_paragraph and (definition := read_definition(text, at)):
        at = definition[2]
    return at >= len(text)


def _matched(line: _Line, containers: list[int]) -> int:
    """Read the marks of the containers that go on in a line; how many they are."""
    for count, container in enumerate(containers):
        if container == _QUOTE:
            if not _read_quote(line):
                return count
        elif not line.is_blank():
            if line.indent() < container:
                return count
            line.skip_blanks(container)
    return len(containers)


def _opened(line: _Line, in_paragraph: bool) -> int | None:
    """Read the mark of a container that begins here; None if none does."""
    indent = line.indent()
    if indent >= 4 or line.is_blank():
        return None
    if _read_quote(line):
        return _QUOTE
    rest = line.rest.lstrip(" \t")
    item = _ITEM.match(rest)
    if item is None or _RULE.match(rest):
        return None
    empty = not rest[item.end() :].strip(" \t")
    if in_paragraph and (empty or (item[1] and int(item[1]) != 1)):
        return None
    line.skip_blanks(indent)
    line.skip(item.end())
    blanks = line.indent()
    if empty or blanks > 4:
        blanks = 1
    line.skip_blanks(blanks)
    return indent + item.end() + blanks


def _read_quote(line: _Line) -> bool:
    indent = line.indent()
    if indent >= 4 or line.rest.lstrip(" \t")[:1] != ">":
        return False
    line.skip_blanks(indent)
    line.skip(1)
    line.skip_blanks(1)
    return True


def _closes(rest: str, fence: str) -> bool:
    return len(rest) >= len(fence) and not rest.strip(fence[0])
