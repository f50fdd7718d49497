from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from showtell.serve.form import is_form, read_form
from showtell.serve.refusal import RefusedError

HEAD = 'Content-Disposition: form-data; name="file"; filename="a.jpg"'


def asked(body: bytes, kind: str = "multipart/form-data; boundary=B"):
    """A request, as far as a form is read from it."""

    async def read(request: object) -> bytes:
        return body

    bodies = SimpleNamespace(read=read)
    return SimpleNamespace(headers={"content-type": kind}, app=SimpleNamespace(state=SimpleNamespace(bodies=bodies)))


def form(*parts: tuple[str, bytes], boundary: str = "B") -> bytes:
    lines = [f"--{boundary}\r\n{head}\r\n\r\n".encode() + data + b"\r\n" for head, data in parts]
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


def read(body: bytes, kind: str = "multipart/form-data; boundary=B"):
    return asyncio.run(read_form(asked(body, kind)))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("multipart/form-data; boundary=B", True),
        ("Multipart/Form-Data;boundary=B", True),
        (" multipart/form-data", True),
        ("multipart/mixed; boundary=B", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_form_is_recognized_by_content_type(kind: str, expected: bool) -> None:
    assert is_form(asked(b"", kind)) == expected


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (HEAD, "a.jpg"),
        ("content-disposition:form-data;name=file;filename=a.jpg\r\nContent-Type: image/jpeg", "a.jpg"),
        ('Content-Disposition: form-data; name="file"; filename="é;\\"x.jpg"', 'é;"x.jpg'),
        ("Content-Disposition: form-data; name=\"file\"; filename*=utf-8''%C3%A9.jpg", "é.jpg"),
        ("Content-Disposition: form-data; name=\"file\"; filename*=UTF-8'en'%e2%82%ac.jpg", "€.jpg"),
        ("Content-Disposition: form-data; name=\"file\"; filename*=none''a.jpg", "a.jpg"),
        ("Content-Disposition: form-data; name=\"file\"; filename*=a\0''a.jpg", "file"),
        ('Content-Disposition: form-data; name="file"; filename=""', "file"),
    ],
)
def test_file_names_in_forms(head: str, name: str) -> None:
    assert read(form((head, b"data"))) == ([(name, b"data")], [])


@given(
    data=st.lists(st.binary(max_size=60), min_size=1, max_size=16),
    boundary=st.from_regex(r"[-a-z]{1,20}", fullmatch=True),
)
def test_form_round_trip(data: list[bytes], boundary: str) -> None:
    data = [part.replace(b"--", b"__") for part in data]  # no part may hold the boundary
    parts = [(HEAD, part) for part in data]
    fields = ('Content-Disposition: form-data; name="num_captions"', b"3")
    expected = [("a.jpg", part) for part in data]
    assert read(form(*parts, fields, boundary=boundary), f'multipart/form-data; boundary="{boundary}"') == (
        expected,
        [("num_captions", "3")],
    )


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (form((HEAD, b"x")), "multipart/form-data", "has no boundary"),
        (form((HEAD, b"x")), "multipart/form-data; boundary=C", "its end is missing"),
        (form((HEAD, b"x"))[:-6], "multipart/form-data; boundary=B", "its end is missing"),
        (b"--B\r\nno head--B--", "multipart/form-data; boundary=B", "headers of a part are missing"),
        (b"--Bx\r\n\r\nno head\r\n--B--", "multipart/form-data; boundary=B", "headers of a part are missing"),
        (form(("A: " + "a" * 5000, b"x")), "multipart/form-data; boundary=B", "or too long"),
        (form(("A: b", b"x")), "multipart/form-data; boundary=B", "a part has no name"),
        (form(('Content-Disposition: form-data; name="a"', b"x")), "multipart/form-data; boundary=B", "holds no file"),
        (
            form(('Content-Disposition: form-data; name="a"', b"x" * 257)),
            "multipart/form-data; boundary=B",
            "257 bytes",
        ),
        (form(*[(HEAD, b"x")] * 17), "multipart/form-data; boundary=B", "17 photos, more than 16"),
        (form(*[(HEAD, b"x")] * 30), "multipart/form-data; boundary=B", "more than 24 parts"),
        (b"\r\n--B" * 1_000_000, "multipart/form-data; boundary=B", "headers of a part are missing"),
        (b"", "multipart/form-data; boundary=B", "its end is missing"),
    ],
)
def test_invalid_form_is_refused(body: bytes, kind: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message) as refused:
        read(body, kind)
    assert refused.value.status == 400
