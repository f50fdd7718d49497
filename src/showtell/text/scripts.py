"""Scripts written without spaces between words (Chinese, Japanese, Thai, Lao), where each character counts as a word.

Unless somebody has put blanks between the words: a caption is taken to have none if so many characters stand side by
side in it that hardly a word is as long.
"""

from __future__ import annotations

import re

_IDEOGRAPHS = "\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_KANA = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fd-\u30ff\uff66-\uff6f\uff71-\uff9d"
_EAST_ASIAN = _IDEOGRAPHS + _KANA
_THAI_AND_LAO = "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf"
# Vowels, tones and a lengthening that belong to the character before them.
_MARKS = "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u3099\u309a\u30fc\uff70\uff9e\uff9f"

_CHARACTER = f"[{_EAST_ASIAN}{_THAI_AND_LAO}][{_MARKS}]*"
_UNBROKEN = re.compile(f"(?:[{_EAST_ASIAN}][{_MARKS}]*){{6}}|(?:[{_THAI_AND_LAO}][{_MARKS}]*){{16}}")
_PARTS = re.compile(f"{_CHARACTER}|[^{_EAST_ASIAN}{_THAI_AND_LAO}]+")
_SIGNS = "。、，！？"
_STARTS_UNSPACED = re.compile(f"{_CHARACTER}|[{_SIGNS}]")
_ENDS_UNSPACED = re.compile(f"[{_EAST_ASIAN}{_THAI_AND_LAO}{_MARKS}{_SIGNS}]$")
_ENDS_EAST_ASIAN = re.compile(f"[{_EAST_ASIAN}\u3099\u309a\u30fc\uff70\uff9e\uff9f]$")


def has_no_blanks(caption: str) -> bool:
    """Return whether a caption is written without blanks between words."""
    return not caption.isascii() and _UNBROKEN.search(caption) is not None


def characters(word: str) -> list[str]:
    """Split a word at each character of a script without blanks, its marks kept with it; any other word is one part."""
    return _PARTS.findall(word)


def blank_between(before: str, after: str) -> str:
    """Return what is written between two words: nothing between characters of scripts without blanks, else a blank."""
    return "" if _ENDS_UNSPACED.search(before) and _STARTS_UNSPACED.match(after) else " "


def full_stop_after(line: str) -> str:
    """Return what ends a sentence: an ideographic full stop in Chinese and Japanese, nothing in Thai and Lao."""
    if _ENDS_EAST_ASIAN.search(line):
        return "。"
    return "" if _ENDS_UNSPACED.search(line) else "."
