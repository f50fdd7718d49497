"""Files made wrong: bytes at random, the parts that a format is made of, lines, and values of JSON."""

from __future__ import annotations

import copy
import json
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
PIECES = (
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    "\u2028".encode(),
    "\u202e\u0e01\u00e9".encode(),
    b"\x1b]0;owned\x07",
    b"\r",
    b'"',
    b"'",
    b",,,,",
    b"\t",
    b"<",
    b"]]>",
    b"<!--",
    b"{{",
    b"![](",
    b"&#x110000;",
    b"[" * 3000,
    b"{" * 3000,
    b'{"a":' * 3000,
    b"<b>" * 3000,
    b"(" * 3000,
    b"9" * 5000,
    b"1e999",
    b"-1",
    b"NaN",
    b"null",
)
"""What parsers stumble over."""
VALUES: tuple[Any, ...] = (
    None,
    True,
    "",
    "3",
    "\x1b[2J\ud800\u2028",
    -1,
    0,
    1,
    0.5,
    10**9,
    10**30,
    -(10**30),
    1e308,
    float("inf"),
    float("nan"),
    [],
    {},
    [[]],
    [None],
    {"": None},
    "x" * 5000,
)
"""What may stand in JSON where something else was expected."""


def mutated(rng: random.Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """The bytes with one to four things wrong; `others` are files of which pieces are taken."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(_MUTATIONS)(rng, data, others)
    return data


def mutated_text(rng: random.Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """The text with pieces, lines or bytes wrong."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        data = rng.choice((_with_piece, _with_piece, _other_lines, _spliced, mutated))(rng, data, others)
    return data


def mutated_json(rng: random.Random, value: Any) -> Any:
    """The value with one to three of what it holds gone, or something else."""
    value = json.loads(json.dumps(value))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(value))
        if not places:
            return copy.deepcopy(rng.choice(VALUES))
        holder, key = rng.choice(places)
        how = rng.randrange(5)
        if how == 0:
            del holder[key]
        elif how == 1 and isinstance(holder, list):
            holder.insert(key, holder[key])
        elif how == 2:
            other, name = rng.choice(places)
            if name in other if isinstance(other, dict) else name < len(other):
                holder[key] = json.loads(json.dumps(other[name]))
        else:
            # a copy: what is put in may be changed in its turn
            holder[key] = copy.deepcopy(rng.choice(VALUES))
    return value


def _places(value: Any) -> Any:
    """What holds something, and where; of a long list a few places."""
    keys: Any = ()
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = range(len(value)) if len(value) < 20 else (0, 1, len(value) // 2, len(value) - 1)
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _flipped(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 20)) if data else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _truncated(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _cut(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _range(rng, data)
    return data[:start] + data[end:]


def _doubled(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _range(rng, data)
    return data[:end] + data[start:end] * rng.choice((1, 1, 50)) + data[end:]


def _overwritten(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _range(rng, data)
    count = end - start
    return data[:start] + rng.choice((rng.randbytes(count), b"\0" * count, b"\xff" * count)) + data[end:]


def _with_number(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    place, number = rng.randrange(len(data) + 1), rng.choice(_EDGES)
    form = rng.choice(("<B", "<H", ">H", "<I", ">I", "<Q"))
    piece = struct.pack(form, number % 256 ** struct.calcsize(form))
    return data[:place] + piece + data[place + len(piece) :]


def _spliced(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others) if others else data
    (start, end), place = _range(rng, other), rng.randrange(len(data) + 1)
    return data[:place] + other[start:end] + data[place + rng.choice((0, end - start)) :]


def _other_parts(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """With one of the parts of a photo's file gone, doubled, moved, damaged or taken from another photo."""
    found = parts(data)
    if found is None:
        return _flipped(rng, data, others)
    pieces, whole = found
    theirs = [other for other in map(parts, others[:64]) if other is not None and other[1] is whole]
    place, how = rng.randrange(len(pieces)), rng.randrange(5)
    if how == 0:
        del pieces[place]
    elif how == 1:
        pieces.insert(rng.randrange(len(pieces) + 1), pieces[place])
    elif how == 2:
        other = rng.randrange(len(pieces))
        pieces[place], pieces[other] = pieces[other], pieces[place]
    elif how == 3 and theirs:
        pieces.insert(place, rng.choice(rng.choice(theirs)[0]))
    else:
        pieces[place] = whole(rng.choice((_flipped, _with_number, _cut, _doubled))(rng, pieces[place], others))
    return b"".join(pieces)


def parts(data: bytes) -> tuple[list[bytes], Callable[[bytes], bytes]] | None:
    """What a JPEG, PNG, WebP or GIF file is made of, and what makes such a part whole again: its length, its CRC."""
    if data.startswith(b"\xff\xd8"):
        return _segments(data), _whole_segment
    if data.startswith(b"\x89PNG"):
        return _chunks(data, 8, ">I", 8, 4), _whole_chunk
    if data.startswith(b"RIFF"):
        return _chunks(data, 12, "<I", 4, 0), _whole_riff
    return None


def _segments(data: bytes) -> list[bytes]:
    pieces, place = [data[:2]], 2
    while data[place : place + 1] == b"\xff" and data[place + 1 : place + 2] != b"\xda":
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        pieces.append(data[place:end])
        place = end
    return [*pieces, data[place:]]


def _chunks(data: bytes, start: int, form: str, length_before: int, behind: int) -> list[bytes]:
    pieces, place = [data[:start]], start
    at = 0 if form[0] == ">" else 4
    while place + 8 < len(data):
        (length,) = struct.unpack_from(form, data, place + at)
        end = place + 8 + length + (behind or length % 2)
        pieces.append(data[place:end])
        place = end
    return pieces


def _whole_segment(segment: bytes) -> bytes:
    if segment[:2] in (b"\xff\xd8", b"\xff\xda") or len(segment) > 0xFFFF:
        return segment
    return segment[:2] + max(len(segment) - 2, 0).to_bytes(2, "big") + segment[4:]


def _whole_chunk(chunk: bytes) -> bytes:
    if chunk.startswith(b"\x89PNG") or len(chunk) < 12:
        return chunk
    return (len(chunk) - 12).to_bytes(4, "big") + chunk[4:-4] + zlib.crc32(chunk[4:-4]).to_bytes(4, "big")


def _whole_riff(chunk: bytes) -> bytes:
    if chunk.startswith(b"RIFF") or len(chunk) < 8:
        return chunk
    return chunk[:4] + (len(chunk) - 8).to_bytes(4, "little") + chunk[8:] + b"\0" * (len(chunk) % 2)


def _with_piece(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.choice(PIECES) + data[place + rng.choice((0, 0, 1, 8)) :]


def _other_lines(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    place, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(4)
    if how == 0:
        del lines[place]
    elif how == 1:
        lines.insert(other, lines[place])
    elif how == 2:
        lines[place], lines[other] = lines[other], lines[place]
    else:
        lines[place] = lines[place].swapcase()
    return b"\n".join(lines)


def _range(rng: random.Random, data: bytes) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 4, 64, 1024, len(data) // 2)))


_MUTATIONS = (
    _flipped,
    _flipped,
    _truncated,
    _cut,
    _doubled,
    _overwritten,
    _with_number,
    _with_number,
    _spliced,
    _other_parts,
    _other_parts,
    _other_parts,
)
