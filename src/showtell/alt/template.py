"""Template code, which a site generator removes or replaces before a browser sees the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# How template code begins, the longer ones first, and how it ends: of Handlebars, Blade, Go, Jinja, Liquid, Twig,
# Smarty, JSX, ERB, JSP, ASP, Mako, PHP, FreeMarker, Razor and Velocity. `{{` is also what Vue and Angular write.
_CODE = {
    "{{!--": "--}}",
    "{{--": "--}}",
    "{{/*": "*/",
    "{{{": "}}}",
    "{{": "}}",
    "{%": "%}",
    "{#": "#}",
    "{*": "*}",
    "{/*": "*/",
    "{`": "`}",
    "<%--": "--%>",
    "<%doc>": "</%doc>",
    "<%": "%>",
    "<?": "?>",
    "<#--": "-->",
    "@*": "*@",
    "#*": "*#",
}
# Some are so short that what follows has to be looked at: `{*.js, *.ts}` is no comment.
_OPENING = re.compile("|".join(re.escape(mark) + r"(?=[\s<])" * (mark in ("{*", "@*", "#*")) for mark in _CODE))
# What has to follow the first end, or else it is no code but CSS or JavaScript: `a {/* b */ color: red}`.
_LAST = {"{{/*": re.compile(r"\s*-?\}\}"), "{/*": re.compile(r"\s*\}")}
# Braces do not reach out of these: what is in them is no template's.
_SHORT = ("{{{", "{{", "{%", "{`")
_BEYOND = re.compile(r"</(?:script|style)", re.IGNORECASE)
_COMMENT = re.compile(r"\{\{(?:~?!|--|(?:-\s+)?/\*)|\{[#*]|\{/\*|<%(?:--|#|doc>)|<#--|[@#]\*")
# PHP may leave its last end out.
_TO_THE_END = re.compile(r"<\?(?:php\b|=)")
# Between a tag of this name and its end, nothing is shown as what it is: Liquid's, Twig's and Hugo's.
_SAMPLE = re.compile(
    r"(\{%|\{\{[<%])[-~+]?\s*(code(?:block)?|comment|example|highlight|listing|prism|pygments|sourcecode)\b"
)
_FRONT_MATTER = re.compile(
    r"---[ \t]*\r?\n(?![ \t]*\r?\n).*?^(?:---|\.\.\.)[ \t]*\r?$|\+\+\+[ \t]*\r?\n.*?^\+\+\+[ \t]*\r?$",
    re.DOTALL | re.MULTILINE,
)
_NO_LINE_BREAK = re.compile(r"[^\r\n]")
# An image, but for one that has a text: as a tag, in Markdown, and by a shortcode such as `{{< figure >}}`.
_IMAGE = re.compile(
    r"<img(?=[\s/>])(?![^<>]*\balt\b)|!\[\]\("
    r"|\A\{(?:\{[<%]|%)[-~+]?\s*(?:\w+_)?(?:figure|image|img|picture)\b(?![^}]*\balt\b)",
    re.IGNORECASE,
)
# A piece of code becomes characters for private use, the first two of which are its number: no parser takes them for
# marks, and none of them is in a name of HTML. Bytes that are no characters become such ones too.
_FIRST, _SECOND, _BASE, _FILLING = 0xF0000, 0x100000, 0xFF00, "\U000ffffd"
_HIDDEN = re.compile("([\U000f0000-\U000ffeff])([\U00100000-\U0010feff])(?:[\r\n]*\U000ffffd)*")
_PRIVATE = re.compile("[\U000f0000-\U0010ffff\ud800-\udc7f\udd00-\udfff]")
_BYTES = {0xDC00 + byte: 0x10FF00 + byte for byte in range(128, 256)}
_BYTES_BACK = {private: surrogate for surrogate, private in _BYTES.items()}

WRITTEN_BY_TEMPLATE = "is written by a template"


@dataclass(frozen=True)
class Hidden:
    """A page without its template code.

    Attributes:
        text: as long as the page, and with the same line ends.
        pieces: the template code that is no comment, in its order.
    """

    text: str
    pieces: tuple[str, ...]

    def restored(self, part: str) -> str:
        """A part of `text` as the page has it."""
        return _HIDDEN.sub(lambda found: self._piece(found[1], found[2]), part).translate(_BYTES_BACK)

    def _piece(self, first: str, second: str) -> str:
        return self.pieces[(ord(first) - _FIRST) * _BASE + ord(second) - _SECOND]


def has_template(part: str) -> bool:
    """Whether a part of `Hidden.text` has template code in it."""
    return _HIDDEN.search(part) is not None


def hide_templates(text: str) -> Hidden:
    """The page without template code, its comments and samples of code, and without front matter, in YAML or TOML.

    Code that holds an image becomes a tag of one: what it makes of it is not known here.
    """
    text = _PRIVATE.sub("\ufffd", text).translate(_BYTES)
    done: list[str] = []
    pieces: list[str] = []
    at = 0
    if front_matter := _FRONT_MATTER.match(text):
        at = front_matter.end()
        done.append(_NO_LINE_BREAK.sub(" ", front_matter[0]))
    for start, end, is_comment in _code(text, at):
        piece = text[start:end]
        done.append(text[at:start])
        done.append(_NO_LINE_BREAK.sub("x", piece) if is_comment else _in_place_of(piece, len(pieces)))
        if not is_comment:
            pieces.append(piece)
        at = end
    return Hidden("".join([*done, text[at:]]), tuple(pieces))


def _code(text: str, at: int) -> Iterator[tuple[int, int, bool]]:
    """Where template code lies from `at` on, in its order, and whether it is to be passed over."""
    ends: dict[str, int] = {}
    not_closed: set[tuple[str, ...]] = set()
    while opening := _OPENING.search(text, at):
        start, at, mark = opening.start(), opening.end(), opening[0]
        if 0 <= ends.get(mark, 0) < at:
            ends[mark] = text.find(_CODE[mark], at)
        end = ends[mark]
        if end < 0:
            if _TO_THE_END.match(text, start):
                yield start, len(text), False
                return
            at = start + 1
            continue
        behind = end + len(_CODE[mark])
        if mark in _LAST:
            last = _LAST[mark].match(text, behind)
            behind = last.end() if last else -1
        # what ends is the last one that began
        if behind >= 0 and text.find(mark, at, end) < 0 and not (mark in _SHORT and _BEYOND.search(text, at, end)):
            at = behind
            is_comment = _COMMENT.match(text, start) is not None
            if (sample := _SAMPLE.match(text, start)) and sample.groups() not in not_closed:
                close = (
                    rf"\{{%[-~+]?\s*end{sample[2]}\b[^%]*%\}}"
                    if sample[1] == "{%"
                    else rf"\{{\{{[<%]\s*/\s*{sample[2]}\b[^}}]*\}}\}}"
                )
                if found := re.compile(close).search(text, at):
                    at, is_comment = found.end(), True
                else:
                    not_closed.add(sample.groups())
            yield start, at, is_comment


def _in_place_of(piece: str, number: int) -> str:
    """What stands for template code, as long as it is."""
    run = chr(_FIRST + number // _BASE) + chr(_SECOND + number % _BASE)
    head, tail = ("<img ", ">") if _IMAGE.search(piece) else ("", "")
    rest = piece[len(head) + len(run) : len(piece) - len(tail)]
    return head + run + _NO_LINE_BREAK.sub(_FILLING, rest) + tail
