from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from showtell.metadata.fields import Fields

USER_COMMENT, EXIF = 0x9286, 0x8769


def exif(*, order: str = "<", **tags: object) -> bytes:
    """Exif with these tags, and UserComment in the directory where it belongs."""
    fields = Image.Exif()
    fields.endian = order
    for name, value in tags.items():
        if name == "comment":
            fields.get_ifd(EXIF)[USER_COMMENT] = value
        else:
            fields[{"description": 0x010E, "xpcomment": 0x9C9C, "xptitle": 0x9C9B}[name]] = value
    return fields.tobytes()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (exif(description="My dog."), ["My dog."]),
        (exif(xpcomment="Mein süßer Hund.".encode("utf-16-le") + b"\0\0"), ["Mein süßer Hund."]),
        (exif(xptitle="My dog.".encode("utf-16-le")), ["My dog."]),
        (exif(comment=b"ASCII\0\0\0My dog.\0\0"), ["My dog."]),
        (exif(comment=b"UNICODE\0" + "My dög.".encode("utf-16-le")), ["My dög."]),
        (exif(comment=b"UNICODE\0" + "My dög.".encode("utf-16-be"), order=">"), ["My dög."]),
        (exif(comment=bytes(8) + "My dög.".encode()), ["My dög."]),
        (exif(comment=b"My dog."), ["My dog."]),
        (exif(comment=b"ASCII\0\0\0" + b" " * 50), []),
        (exif(comment=bytes(8) + b"\x01\x82\xff\x00\x07\x99"), []),
        (exif(comment=bytes(64)), []),
        (b"Exif\0\0II*\0nonsense", []),
    ],
)
def test_exif(data: bytes, words: list[str]) -> None:
    assert Fields(exif=[data]).descriptions() == words


def iptc(dataset: int, text: bytes, length: bytes | None = None) -> bytes:
    return bytes([0x1C, 2, dataset]) + (len(text).to_bytes(2, "big") if length is None else length) + text


CAPTION = iptc(120, b"My dog.")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (CAPTION, ["My dog."]),
        (iptc(120, "Mein süßer Hund.".encode("latin-1")), ["Mein süßer Hund."]),
        (iptc(120, b"My dog.", b"\x80\x04\0\0\0\x07"), ["My dog."]),
        (iptc(25, b"dog", b"\0\xff") + CAPTION, ["My dog."]),
        (b"\x1c\x02" + CAPTION, ["My dog."]),
        (CAPTION + iptc(25, b"dog", b"\0\xff"), ["My dog."]),
        (CAPTION[:-2], ["My do"]),
        (iptc(25, b"dog"), []),
        (b"", []),
    ],
)
def test_iptc(data: bytes, words: list[str]) -> None:
    assert Fields(iptc=[data]).descriptions() == words


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        (b"My dog.\0", ["My dog."]),
        ("My dög.".encode(), ["My dög."]),
        ("My dög.".encode("latin-1"), ["My dög."]),
        (b"CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90\n", []),
        (b"Created with GIMP", []),
        (b"LEAD Technologies Inc. V1.01", []),
        (b"  \n", []),
    ],
)
def test_comments(comment: bytes, words: list[str]) -> None:
    assert Fields(comments=[comment]).descriptions() == words


@given(st.binary(max_size=300))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    for text in Fields([b"Exif\0\0II*\0" + data], [CAPTION[:3] + data], [data]).descriptions():
        text.encode()
