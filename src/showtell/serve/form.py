"""Parsing of multipart forms in memory: no photo is written to disk."""

from __future__ import annotations

import email
import email.utils
from collections.abc import Iterator
from email.message import Message

from starlette.requests import Request

from showtell.serve.body import MOST_PHOTOS
from showtell.serve.refusal import RefusedError

# Bounds of settings and of part headers
_MOST_FIELDS, _FIELD_BYTES, _HEAD_BYTES = 8, 256, 4096


def is_form(request: Request) -> bool:
    """Whether the content type is multipart/form-data; types are case-insensitive (RFC 9110, 8.3.1)."""
    return _content_type(request).get_content_type() == "multipart/form-data"


async def read_form(request: Request) -> tuple[list[tuple[str, bytes]], list[tuple[str, str]]]:
    """Name and bytes of each file of a form (RFC 7578), and name and text of each other field.

    Raises:
        RefusedError: as of `Bodies.read`; 400, it is no form, or holds no file, too many, or too long fields.
    """
    boundary = _content_type(request).get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise RefusedError(400, "the body is not a form: its content type has no boundary")
    body = await request.app.state.bodies.read(request)
    files: list[tuple[str, bytes]] = []
    fields: list[tuple[str, str]] = []
    for head, data in _parts(body, boundary.encode("latin-1", "replace")):
        name, file = _text(head, "name"), _text(head, "filename")
        if file is not None:
            if file or data:  # neither: no file was chosen
                files.append((file or name or "photo", data))
        elif name is None:
            raise RefusedError(400, "the body is not a form: a part has no name")
        elif len(data) > _FIELD_BYTES:
            raise RefusedError(400, f"the field {name} has {len(data):,} bytes; send photos as files")
        else:
            fields.append((name, data.decode("utf-8", "replace")))
    if not files:
        raise RefusedError(400, "the form holds no file; send photos as files")
    if len(files) > MOST_PHOTOS:
        raise RefusedError(400, f"there are {len(files)} photos, more than {MOST_PHOTOS}; send fewer at a time")
    return files, fields


def _content_type(request: Request) -> Message:
    described = Message()
    described["Content-Type"] = request.headers.get("content-type", "")
    return described


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[Message, bytes]]:
    """The headers and content of each part (RFC 2046, 5.1.1)."""
    most = MOST_PHOTOS + _MOST_FIELDS
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary, most + 1)
    for part in parts[: most + 1]:
        if part.startswith(b"--"):
            return
        head, blank, data = part.partition(b"\r\n\r\n")
        if not blank or len(head) > _HEAD_BYTES or head.partition(b"\r\n")[0].strip(b" \t"):
            raise RefusedError(400, "the body is not a form: the headers of a part are missing or too long")
        yield email.message_from_string(head.strip().decode("utf-8", "replace")), data
    if len(parts) > most:
        raise RefusedError(400, f"the form has more than {most} parts; send fewer photos at a time")
    raise RefusedError(400, "the body is not a form: its end is missing")


def _text(head: Message, name: str) -> str | None:
    """A parameter of a part; some clients write non-ASCII values as `name*` (RFC 8187)."""
    try:
        found = head.get_param(name, header="content-disposition")
        return None if found is None else email.utils.collapse_rfc2231_value(found)
    except (LookupError, ValueError):  # an unknown encoding
        return ""
