"""An image without alternative text."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Literal

# Characters that Markdown could take as markup; a backslash escapes them.
_MARKS = re.compile(r"[\\`*_\[\]<>&|~$]")


@dataclass(frozen=True)
class Image:
    """An image without alternative text, or one that a person must look at.

    Attributes:
        offset: where in the page its text is to be inserted.
        source: what it shows, as a URL, with character references and escapes undone; empty if it does not say.
        syntax: how the page writes it.
        base: what a relative source is relative to, as a URL of the page's `<base>`; empty if it has none.
        others: alternative files of the same picture, if `source` is missing.
        review_reason: why a person has to look at it; empty for one that is understood.
    """

    offset: int
    source: str
    syntax: Literal["html", "markdown"]
    base: str = ""
    others: tuple[str, ...] = ()
    review_reason: str = ""

    def insertion(self, alt: str) -> str:
        """What to insert at `offset`, so that `alt` is the image's alternative text."""
        if self.syntax == "markdown":
            return _MARKS.sub(r"\\\g<0>", alt)
        return f' alt="{html.escape(alt, quote=False).replace(chr(34), "&quot;")}"'
