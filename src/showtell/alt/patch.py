"""A unified diff of insertions, in the bytes of the file itself."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from showtell.alt.page import edited

_CONTEXT = 3
_UNCLEAR = re.compile(rb'[\x00-\x1f"\\\x7f]|\A[^!-~]')
_BEGINNING = re.compile(rb"--- [^\n]+\n\+\+\+ |\Z")


def unified_diff(path: Path, data: bytes, insertions: list[tuple[int, bytes]]) -> bytes:
    """The diff that `patch -p0` and `git apply -p0` apply, as of `diff -u`; empty if nothing is inserted.

    Args:
        path: how the diff names the file.
        data: the file's bytes.
        insertions: as of `Page.insertions`.
    """
    lines = _split(data)
    starts = list(accumulate(map(len, lines), initial=0))[:-1]
    changes: dict[int, list[tuple[int, bytes]]] = {}
    for offset, piece in insertions:
        line = bisect_right(starts, offset) - 1
        changes.setdefault(line, []).append((offset - starts[line], piece))
    if not changes:
        return b""
    name = _name(path)
    pieces = [b"--- " + name + b"\n", b"+++ " + name + b"\n"]
    grown = 0  # lines that the hunks before have more
    for first, last in _hunks(sorted(changes), len(lines)):
        body, added = [], 0
        for number in range(first, last):
            old = lines[number]
            if number not in changes:
                body.append(_marked(b" ", old))
                continue
            # in UTF-16, a byte of a character may be that of a line feed
            new = _split(edited(old, changes[number]))
            body += [_marked(b"-", old), *(_marked(b"+", line) for line in new)]
            added += len(new) - 1
        count = last - first
        pieces.append(b"@@ -%d,%d +%d,%d @@\n" % (first + 1, count, first + 1 + grown, count + added))
        pieces += body
        grown += added
    return b"".join(pieces)


def is_diff(data: bytes) -> bool:
    """Whether data is a diff as of `unified_diff`, by its beginning; nothing is one too."""
    return _BEGINNING.match(data) is not None


def _hunks(changed: list[int], count: int) -> Iterator[tuple[int, int]]:
    """The ranges of lines that changed ones make with the lines around them, without overlap."""
    first, last = max(0, changed[0] - _CONTEXT), min(count, changed[0] + _CONTEXT + 1)
    for line in changed[1:]:
        if line - _CONTEXT > last:
            yield first, last
            first = line - _CONTEXT
        last = min(count, line + _CONTEXT + 1)
    yield first, last


def _split(data: bytes) -> list[bytes]:
    """Lines, each with its line feed: others that Python knows, such as a lone carriage return, are none here."""
    lines = data.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _marked(mark: bytes, line: bytes) -> bytes:
    return mark + line + (b"" if line.endswith(b"\n") else b"\n\\ No newline at end of file\n")


def _name(path: Path) -> bytes:
    """A file's name as diffs write it: quoted, or with a tab behind it, where it would not be clear."""
    name = os.fsencode(path.as_posix())
    if _UNCLEAR.search(name):
        return b'"' + _UNCLEAR.sub(lambda byte: b"\\%03o" % ord(byte[0]), name) + b'"'
    return name + (b"\t" if b" " in name else b"")
