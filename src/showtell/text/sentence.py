"""How a line of lower-case words is shown to a person."""

from __future__ import annotations


def sentence(words: str) -> str:
    """A line of words as a sentence: a capital at its start, a full stop at its end; an empty line stays empty."""
    return f"{words[0].upper()}{words[1:]}." if words else ""
