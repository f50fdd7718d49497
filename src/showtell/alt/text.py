"""Captions as alternative text: one sentence about the content, without "a photo of" (WCAG 1.1.1)."""

from __future__ import annotations

import re
import unicodedata

# A screen reader has said that it is an image.
_OPENING = re.compile(
    r"(?:(?:this|here|it|there) is )?(?:an? |the |this )?(?:image|photo|photograph|picture|pic|snapshot)s?"
    r" (?:of|showing|shows|depicting|depicts) (?=\w)",
    re.IGNORECASE,
)
_END = re.compile(r"(?<!\bst)(?<!\bmt)(?<!\bmr)(?<!\bmrs)(?<!\bdr)[.!?](?= +[A-Z])", re.IGNORECASE)
_NEXT = re.compile(r" +[A-Z]")
_NOISE = " .,;:-–—…"


def alt_text(caption: str) -> str:
    """A caption as alternative text: one sentence on one line, without `a photo of`; empty if nothing is said."""
    # Cc, Cf, Cs: control and format characters, halves of characters
    visible = "".join(
        " " if character.isspace() else character
        for character in caption
        if character.isspace() or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    text = " ".join(visible.split())
    for end in _END.finditer(text):
        if _NEXT.match(text, end.end()):
            text = text[: end.end()]
            break
    while opening := _OPENING.match(text):
        text = text[opening.end() :]
    text = text.rstrip(_NOISE)
    if not any(map(str.isalnum, text)):
        return ""
    return text[0].upper() + text[1:] + ("" if text.endswith(("!", "?")) else ".")
