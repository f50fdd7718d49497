"""Formatting of a line of lower-case words as a sentence."""

from __future__ import annotations

from showtell.text.scripts import full_stop_after


def sentence(words: str) -> str:
    """A line of words as a sentence: a capital at its start, its script's full stop; an empty line stays empty."""
    return f"{words[0].upper()}{words[1:]}{full_stop_after(words)}" if words else ""
