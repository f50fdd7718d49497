"""A page: its bytes, their decoded text, and the bytes with alternative texts inserted."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from showtell._util.files import NotRegularError, read_regular, write_atomically
from showtell.alt.html import images_in_html
from showtell.alt.image import Image
from showtell.alt.markdown import images_in_markdown
from showtell.errors import ShowtellError

HTML_SUFFIXES = frozenset({".htm", ".html"})
MARKDOWN_SUFFIXES = frozenset({".markdown", ".md"})

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# How far a declaration is looked for. The standard asks for it in the first 1,024 bytes, and browsers look further.
_HEAD = 2**16
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_DECLARATION = re.compile(rb"<meta\s[^<>]*?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
# What browsers make of these names.
_AS_WINDOWS_1252 = frozenset({"ascii", "iso8859-1"})
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Page:
    """A page as it is on disk.

    Attributes:
        path: its file.
        data: the file's bytes.
        mark: the byte order mark that they begin with; empty if there is none.
        text: what is behind the mark; bytes that are none of the encoding's are lone surrogates.
        encoding: as Python calls it; ASCII for HTML that does not declare one and needs none.
        images: those without alternative text, and those of which that cannot be said, in their order.
    """

    path: Path
    data: bytes
    mark: bytes
    text: str
    encoding: str
    images: tuple[Image, ...]

    def line(self, image: Image) -> int:
        """The number of the line that an image is on, from 1."""
        return bisect_left(self._line_breaks, image.offset + 1) + 1

    @cached_property
    def _line_breaks(self) -> list[int]:
        """The offsets behind them."""
        return [found.end() for found in _LINE_BREAK.finditer(self.text)]

    def insertions(self, alts: Mapping[Image, str]) -> list[tuple[int, bytes]]:
        """What is to be inserted where in `data`, in its order, so that images of the page have these texts.

        Characters that the encoding does not have become character references, which Markdown knows too.
        """
        found = []
        offset, at = len(self.mark), 0
        for image in sorted(alts, key=lambda image: image.offset):
            offset += len(_encoded(self.text[at : image.offset], self.encoding))
            at = image.offset
            found.append((offset, image.insertion(alts[image]).encode(self.encoding, "xmlcharrefreplace")))
        return found


def read_page(path: Path) -> Page:
    """Read a page and find its images.

    Raises:
        ShowtellError: there is no such file, it is not a regular one, or not named as HTML or Markdown, it cannot be
            read, or it declares an encoding in which its bytes would not stay the same.
    """
    if path.suffix.lower() not in HTML_SUFFIXES | MARKDOWN_SUFFIXES:
        names = ", ".join(sorted(HTML_SUFFIXES | MARKDOWN_SUFFIXES))
        raise ShowtellError(f"{path}: is not named as a page, {names}; name a page, or the folder of a site")
    try:
        return parse_page(path, read_regular(path))
    except (IsADirectoryError, NotRegularError) as error:
        raise _no_file(path, error) from error
    except OSError as error:
        raise ShowtellError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error


def parse_page(path: Path, data: bytes) -> Page:
    """The page that a file holds; nothing is read.

    Args:
        path: its name says whether it is HTML or Markdown.
        data: the file's bytes.

    Raises:
        ShowtellError: it declares an encoding in which its bytes would not stay the same.
    """
    is_html = path.suffix.lower() in HTML_SUFFIXES
    mark, encoding = _encoding(data, is_html=is_html)
    body = data[len(mark) :]
    try:
        text = body.decode(encoding, "surrogateescape")
        images = images_in_html(text) if is_html else images_in_markdown(text)
        places = [0, *(image.offset for image in images if not image.review_reason), len(text)]
        same = b"".join(_encoded(text[a:b], encoding) for a, b in pairwise(places)) == body
    except UnicodeError:
        same = False
    if not same:
        raise ShowtellError(f"{path}: its bytes are not those of {encoding}, which it declares; save it as UTF-8")
    return Page(path, data, mark, text, encoding, tuple(images))


def edited(data: bytes, insertions: list[tuple[int, bytes]]) -> bytes:
    """The bytes with `insertions`, as of `Page.insertions`, in them."""
    pieces, at = [], 0
    for offset, piece in insertions:
        pieces += [data[at:offset], piece]
        at = offset
    return b"".join([*pieces, data[at:]])


def write_page(page: Page, alts: Mapping[Image, str]) -> None:
    """Put alternative texts into the page's file; its permissions stay.

    Raises:
        ShowtellError: the file is no longer what was read, or cannot be written to; it is untouched.
    """
    target = page.path.resolve()
    try:
        if read_regular(target) != page.data:
            raise ShowtellError(
                f"{page.path}: was changed in the meantime, and is left as it is; run the command again"
            )
        write_atomically(target, edited(page.data, page.insertions(alts)))
    except (IsADirectoryError, NotRegularError) as error:
        raise _no_file(page.path, error) from error
    except OSError as error:
        raise ShowtellError(f"{page.path}: cannot be written to ({error.strerror}); check its permissions") from error


def _no_file(path: Path, error: OSError) -> ShowtellError:
    return ShowtellError(f"{path}: {error.strerror}; put the page there as a file")


def _encoding(data: bytes, is_html: bool) -> tuple[bytes, str]:
    """The byte order mark that the data begins with, and the encoding."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return mark, encoding
    if is_html and (declared := _declared(data)):
        return b"", declared
    try:
        data.decode()
    except UnicodeDecodeError:
        return b"", "cp1252"
    # a browser would read other characters as windows-1252
    return b"", "ascii" if is_html and data.isascii() else "utf-8"


def _declared(data: bytes) -> str | None:
    """The encoding of the first `<meta charset>` that names one."""
    for name in _DECLARATION.findall(_COMMENT.sub(b"", data[:_HEAD])):
        try:
            encoding = codecs.lookup(name.decode("ascii")).name
            as_ascii = "<img alt>".encode(encoding) == b"<img alt>"
        except (LookupError, UnicodeError):
            continue
        if not as_ascii:  # it says UTF-16, and could not be read if it were
            return "utf-8"
        return "cp1252" if encoding in _AS_WINDOWS_1252 else encoding
    return None


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "surrogateescape")
