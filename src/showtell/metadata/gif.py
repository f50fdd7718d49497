"""Comments of GIF files, also between and behind their frames."""

from __future__ import annotations

_EXTENSION, _FRAME, _COMMENT = 0x21, 0x2C, 0xFE


def comments(data: bytes) -> list[bytes]:
    """The comments of a GIF file, as far as it can be read."""
    found: list[bytes] = []
    at = 13 + _table(data[10:11])
    while True:
        kind = data[at : at + 2]
        if len(kind) == 2 and kind[0] == _EXTENSION:
            blocks, at = _blocks(data, at + 2)
            if kind[1] == _COMMENT:
                found.append(blocks)
        elif len(kind) == 2 and kind[0] == _FRAME:
            # its place and size, its own colours, and a byte before the pixels
            _, at = _blocks(data, at + 11 + _table(data[at + 9 : at + 10]))
        else:
            return found


def _table(flags: bytes) -> int:
    """The length of the colour table that these flags announce."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _blocks(data: bytes, at: int) -> tuple[bytes, int]:
    """What lies in the blocks from there on, and where they end."""
    pieces = []
    while at < len(data) and data[at]:
        pieces.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(pieces), at + 1
