"""`POST /v1/captions`: photos as files of a form, or as base64 in JSON."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from showtell.errors import PhotoError
from showtell.serve.body import MOST_PHOTOS, Json, Photo, decode_photo, read_json, refusal_of
from showtell.serve.form import is_form, read_form
from showtell.serve.refusal import RefusedError

MOST_CAPTIONS = 8
"""Captions per photo, at most."""

Count = Annotated[
    int, Meta(ge=1, le=MOST_CAPTIONS, description=f"Captions of each photo, a number from 1 to {MOST_CAPTIONS}.")
]


class Settings(Struct, forbid_unknown_fields=True):
    """Settings: next to the photos in JSON; as fields of a form, or as query parameters."""

    num_captions: Count = 1
    attention_maps: Annotated[bool, Meta(description="Include an attention map for each word.")] = False


class Captions(Settings):
    """A request in JSON."""

    photos: Annotated[list[Photo], Meta(max_length=MOST_PHOTOS, description="At most 16.")] = []
    photo: Annotated[str | None, Meta(description="A single photo, instead of photos.")] = None


class Word(Struct):
    """A word of a caption."""

    word: str
    probability: float
    attention_map: Annotated[
        list[list[float]] | UnsetType, Meta(description="If requested: attention weights of the 9 x 9 positions.")
    ] = UNSET


class CaptionResult(Struct):
    """A caption."""

    caption: str
    log_prob: Annotated[float, Meta(description="Natural logarithm of the sentence's probability.")]
    confidence: Annotated[float | None, Meta(description="The probability that the caption is acceptable.")]
    named: Annotated[bool, Meta(description="Whether the caption is a class name instead of a sentence.")]
    words: list[Word]


class PhotoResult(Struct):
    """The result for a photo: a caption or an error."""

    file: str
    error: str | UnsetType = UNSET
    caption: str | UnsetType = UNSET
    log_prob: float | UnsetType = UNSET
    confidence: float | UnsetType | None = UNSET
    named: bool | UnsetType = UNSET
    words: list[Word] | UnsetType = UNSET
    others: Annotated[list[CaptionResult] | UnsetType, Meta(description="If more than one was requested.")] = UNSET


class CaptionsAnswer(Struct):
    """One result per photo, in order."""

    model: str
    captions: list[PhotoResult]


async def post_captions(request: Request) -> Response:
    """A caption or an error for each photo; 422 if all are errors."""
    state = request.app.state
    named, settings = await (_from_form(request) if is_form(request) else _from_json(request))
    photos = [photo for _, photo in named]
    answers = await state.batcher.caption(photos, settings.num_captions, attention_maps=settings.attention_maps)
    entries = []
    for (name, _), answer in zip(named, answers, strict=True):
        state.metrics.photos.labels("unreadable" if isinstance(answer, PhotoError) else "captioned").inc()
        if isinstance(answer, PhotoError):
            entries.append(PhotoResult(name, error=str(answer)))
            continue
        told = answer.caption.to_dict()
        if answer.attention_maps is not None:
            for word, attention in zip(told["words"], answer.attention_maps, strict=False):  # a name has none
                word["attention_map"] = attention.round(4).tolist()
        entries.append(PhotoResult(name, **told))
    status = 422 if all(entry.error is not UNSET for entry in entries) else 200
    return Json(CaptionsAnswer(state.name, entries), status)


async def _from_form(request: Request) -> tuple[list[tuple[str, bytes]], Settings]:
    files, fields = await read_form(request)
    given = [*fields, *request.query_params.multi_items()]
    for place, (name, _) in enumerate(given):
        if name in dict(given[:place]):
            raise RefusedError(400, f"{name} is given twice; once is enough")
    try:
        return files, msgspec.convert(dict(given), Settings, strict=False)
    except msgspec.ValidationError as error:
        raise refusal_of(error, Settings) from None


async def _from_json(request: Request) -> tuple[list[tuple[str, bytes]], Settings]:
    if request.query_params:
        name = next(iter(request.query_params))
        raise RefusedError(400, f"{name} is a query parameter; put it into the JSON, next to the photos")
    body = await read_json(request, Captions, lax=True)
    photos = body.photos + ([body.photo] if body.photo is not None else [])
    if not photos or (body.photos and body.photo is not None):
        raise RefusedError(400, 'send {"photos": ["base64", ...]}, or a form with files')
    return [(f"photos[{place}]", decode_photo(photo)) for place, photo in enumerate(photos)], body
