from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from showtell.metadata.gif import comments

COMMENT = b"\x21\xfe\x07My dog.\x00"


def animation() -> bytes:
    frames = [Image.new("P", (8, 8), colour) for colour in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0)
    return file.getvalue()


def test_comments_are_found_before_and_behind_the_frames() -> None:
    data = animation()
    assert comments(data) == []
    start = 13 + (3 << (data[10] & 7) + 1)
    assert comments(data[:start] + COMMENT + data[start:]) == [b"My dog."]
    assert comments(data[:-1] + COMMENT + data[-1:]) == [b"My dog."]
    long = b"\x21\xfe\xff" + b"a" * 255 + b"\x02bc\x00"
    assert comments(data[:-1] + long + COMMENT + data[-1:]) == [b"a" * 255 + b"bc", b"My dog."]


@given(st.binary(max_size=100))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    comments(data)
    comments(b"GIF89a" + bytes(7) + data)
