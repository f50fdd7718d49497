"""`POST /v1/captions`: photos as files of a form, or as base64 in JSON."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from showtell.errors import PhotoError
from showtell.serve.body import decode_photo, read_form, read_json
from showtell.serve.limits import Limits
from showtell.serve.refusal import RefusedError


async def post_captions(request: Request) -> Response:
    """A caption, or what is wrong, for each photo; 422 if something is wrong with all of them."""
    state = request.app.state
    limits: Limits = state.limits
    named, several, looks = await _photos(request, limits)
    answers = await state.batcher.caption([photo for _, photo in named], several, looks=looks)
    entries: list[dict[str, Any]] = []
    for (name, _), answer in zip(named, answers, strict=True):
        state.metrics.photos.labels("unreadable" if isinstance(answer, PhotoError) else "captioned").inc()
        if isinstance(answer, PhotoError):
            entries.append({"file": name, "error": str(answer)})
        else:
            first, *others = (caption.to_dict() for caption in answer.captions)
            if answer.looks is not None:
                for word, looked in zip(first["words"], answer.looks, strict=False):  # a name has none
                    word["looks"] = looked.round(4).tolist()
            entries.append({"file": name, **first, **({"others": others} if others else {})})
    status = 422 if all("error" in entry for entry in entries) else 200
    return JSONResponse({"model": state.name, "captions": entries}, status)


async def _photos(request: Request, limits: Limits) -> tuple[list[tuple[str, bytes]], int, bool]:
    """Name and bytes of each photo, how many captions of each are wanted, and whether to say where it looked."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        asked = request.query_params
        several, looks = _several(asked.get("several", "1"), limits), asked.get("looks", "") in ("1", "true")
        return await read_form(request, limits), several, looks
    body = await read_json(request, limits)
    photos = body.get("photos", [body["photo"]] if "photo" in body else None)
    if not isinstance(photos, list) or not photos:
        raise RefusedError(400, 'send {"photos": ["base64", ...]}, or a form with files')
    if len(photos) > limits.photos:
        raise RefusedError(400, f"there are {len(photos)} photos, more than {limits.photos}; send fewer at a time")
    named = [(f"photos[{place}]", decode_photo(photo)) for place, photo in enumerate(photos)]
    return named, _several(body.get("several", 1), limits), body.get("looks") is True


def _several(value: Any, limits: Limits) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= limits.several):
        raise RefusedError(400, f"several is {value!r}, expected a number from 1 to {limits.several}")
    return int(text)
