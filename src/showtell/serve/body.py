"""Request bodies, read up to a limit, validated and decoded; response bodies as JSON."""

from __future__ import annotations

import asyncio
import base64
import binascii
import typing
import urllib.parse
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from showtell.serve.limits import Limits
from showtell.serve.refusal import RefusedError

Photo = Annotated[
    str,
    Meta(
        description="base64, or a data: URL with base64",
        extra_json_schema={"contentEncoding": "base64"},
    ),
]
"""A photo in JSON."""
MOST_PHOTOS = 16
"""Photos per request, at most."""

Asked = TypeVar("Asked", bound=msgspec.Struct)

_BLANK = b" \t\r\n\f\v"


class Json(Response):
    """A JSON response, of any type that msgspec supports."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """As JSON."""
        return msgspec.json.encode(content)


class Bodies:
    """The bytes of all bodies being read or processed.

    Args:
        limits: the limits.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits, self.bytes = limits, 0

    def check_capacity(self, more: int = 1) -> None:
        """Check that so many more bytes may be read.

        Raises:
            RefusedError: 503, they may not.
        """
        if self.bytes + more > self.limits.all_bytes:
            raise RefusedError(503, "busy: too many request bytes in memory; try again later", 1)

    async def read(self, request: Request) -> bytes:
        """The body of a request; it counts against the limit until `forget` is called.

        Raises:
            RefusedError: 413, it is too long, which may be known before it is read; 408, it does not arrive; 503, there
                is no room for it.
        """
        limits = self.limits
        told = request.headers.get("content-length", "")
        refusal = RefusedError(413, f"the body has more than {limits.body_bytes:,} bytes; send fewer or smaller photos")
        if told.isdecimal() and (len(told) > 18 or int(told) > limits.body_bytes):
            raise refusal
        body = bytearray()
        try:
            async with asyncio.timeout(limits.deadline_seconds):
                async for part in request.stream():
                    if len(body) + len(part) > limits.body_bytes:
                        raise refusal
                    self.check_capacity(len(part))
                    body += part
                    self.bytes += len(part)
                    request.state.body_bytes = len(body)
        except TimeoutError:
            raise RefusedError(408, f"the body did not arrive within {limits.deadline_seconds:g} seconds") from None
        return bytes(body)

    def forget(self, request: Request) -> None:
        """The request is finished: its bytes no longer count."""
        self.bytes -= getattr(request.state, "body_bytes", 0)


async def read_json(request: Request, kind: type[Asked], *, lax: bool = False) -> Asked:
    """The body as JSON of a type, whatever its content type says, as clients do not always say it.

    Args:
        request: its body is not yet read.
        kind: of the object.
        lax: whether numbers and truth may be texts.

    Raises:
        RefusedError: as of `Bodies.read`; 400, it is none.
    """
    body = await request.app.state.bodies.read(request)
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=kind, strict=not lax)
    except msgspec.ValidationError as error:
        raise refusal_of(error, kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(400, f"the body is not JSON: {error}") from None


def refusal_of(error: msgspec.ValidationError, kind: type) -> RefusedError:
    """The refusal for a validation error: the path of the value, what is wrong, and the description of the field."""
    told, _, path = str(error).replace("`", "").partition(" - at $")
    if not path:
        return RefusedError(400, f"the request is not what is expected: {told}")
    path = path.lstrip(".")
    hint = "" if "[" in path else _description(kind, path.partition(".")[0])
    return RefusedError(400, f"{path}: {told}" + (f" ({hint})" if hint else ""))


def _description(kind: type, field: str) -> str:
    hint = typing.get_type_hints(kind, include_extras=True).get(field)
    for part in getattr(hint, "__metadata__", ()):
        if isinstance(part, Meta) and part.description:
            return part.description
    return ""


def decode_photo(text: str) -> bytes:
    """A photo from base64, as it is or as a `data:` address (RFC 2397).

    Raises:
        RefusedError: 400, it is neither; an address of another kind is never followed.
    """
    if text[:5].lower() == "data:":
        kind, _, text = text.partition(",")
        if not kind.lower().replace(" ", "").endswith(";base64"):
            raise RefusedError(400, "a photo's data: URL is not base64")
        text = urllib.parse.unquote(text, "latin-1") if "%" in text else text
    elif "://" in text[:16]:
        raise RefusedError(400, "a photo is given as a URL, which is not fetched; send its bytes as base64")
    try:
        data = text.encode("ascii").translate(None, _BLANK)
        return base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)  # browsers read it without its end, too
    except (binascii.Error, ValueError):
        raise RefusedError(400, "a photo is not base64") from None
