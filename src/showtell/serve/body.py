"""A request's body: read up to its limit, and the photos in it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from showtell.serve.limits import Limits
from showtell.serve.refusal import RefusedError


async def read_body(request: Request, limits: Limits) -> bytes:
    """The body; what is too long is refused before it is read, or once it turns out to be.

    Raises:
        RefusedError: 413; 408, it does not arrive.
    """
    told = request.headers.get("content-length", "")
    refusal = RefusedError(413, f"the body has more than {limits.body_bytes:,} bytes; send fewer or smaller photos")
    if told.isdigit() and int(told) > limits.body_bytes:
        raise refusal
    parts, size = [], 0
    try:
        async with asyncio.timeout(limits.deadline_seconds):
            async for part in request.stream():
                size += len(part)
                if size > limits.body_bytes:
                    raise refusal
                parts.append(part)
    except TimeoutError:
        raise RefusedError(408, f"the body did not arrive within {limits.deadline_seconds:g} seconds") from None
    return b"".join(parts)


async def read_json(request: Request, limits: Limits) -> dict[str, Any]:
    """The body as a JSON object, whatever its content type says, as clients do not always say it.

    Raises:
        RefusedError: 413; 400, it is none.
    """
    body = await read_body(request, limits)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"the body is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise RefusedError(400, "the body is JSON, but no object")
    return found


async def read_form(request: Request, limits: Limits) -> list[tuple[str, bytes]]:
    """Name and bytes of each file of a form.

    Raises:
        RefusedError: 413; 400, it is no form or holds no file.
    """
    body = await read_body(request, limits)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        async with Request(request.scope, receive).form(
            max_files=limits.photos, max_part_size=limits.body_bytes
        ) as form:
            items = form.multi_items()
            files = [
                (value.filename or name, await value.read()) for name, value in items if not isinstance(value, str)
            ]
    except (MultiPartException, HTTPException) as error:
        told = error.message if isinstance(error, MultiPartException) else error.detail
        raise RefusedError(400, f"the body is no form: {told}") from None
    if not files:
        raise RefusedError(400, "the form holds no file; send photos as files")
    return files


def decode_photo(text: Any) -> bytes:
    """A photo from base64, as it is or as a `data:` address.

    Raises:
        RefusedError: 400, it is neither; an address of another kind is never followed.
    """
    if not isinstance(text, str):
        raise RefusedError(400, "a photo is no text; send it as base64")
    if text[:5].lower() == "data:":
        kind, _, text = text.partition(",")
        if not kind.endswith(";base64"):
            raise RefusedError(400, "a photo's data: address is not base64")
    elif "://" in text[:16]:
        raise RefusedError(400, "a photo is given by an address, which is not fetched; send its bytes as base64")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(400, "a photo is not base64") from None
