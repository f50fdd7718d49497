"""The shape of OpenAI's chat completions, with the photo as an image part.

https://platform.openai.com/docs/api-reference/chat. What is asked in words is not read: the answer is the caption. What
would change the answer's shape, and is not here, is refused.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from showtell.serve.body import Json, Photo, read_json
from showtell.serve.captions import Count
from showtell.serve.ollama import Name
from showtell.serve.refusal import RefusedError
from showtell.serve.sentences import Text, texts

_NO_TOOLS = "It calls none; auto, none, or leave it out."
_NO_LOGPROBS = "See /v1/captions for them; leave it out."


class ImageUrl(Struct):
    """Where a photo is: in the address itself."""

    url: Photo


class Part(Struct):
    """A part of a message; those of type image_url are photos."""

    type: str
    text: Annotated[str | None, Meta(description="Is not read.")] = None
    image_url: ImageUrl | str | None = None


class OpenAIMessage(Struct):
    """What was said, and shown."""

    content: Annotated[str | list[Part] | None, Meta(description="Photos are parts of it.")] = None
    role: str | None = None


class ResponseFormat(Struct):
    """How the answer is to be written."""

    type: Literal["text"]


class StreamOptions(Struct):
    """What a stream says besides."""

    include_usage: bool | None = None


class ChatCompletions(Struct):
    """What is asked about the images of the last message that has some."""

    messages: Annotated[list[OpenAIMessage], Meta(min_length=1)]
    model: Annotated[Name | None, Meta(description="There is one.")] = None
    n: Annotated[Count | None, Meta(description="Choices, a number from 1 to 8.")] = None
    stream: Annotated[bool | None, Meta(description="Events, true or false.")] = None
    stream_options: StreamOptions | None = None
    response_format: Annotated[
        ResponseFormat | None, Meta(description="There is no structured output here; leave it out.")
    ] = None
    tool_choice: Annotated[Literal["auto", "none"] | None, Meta(description=_NO_TOOLS)] = None
    function_call: Annotated[Literal["auto", "none"] | None, Meta(description=_NO_TOOLS)] = None
    modalities: Annotated[list[Literal["text"]] | None, Meta(description="It answers with text alone.")] = None
    logprobs: Annotated[bool | None, Meta(description=_NO_LOGPROBS)] = None
    top_logprobs: Annotated[Annotated[int, Meta(le=0)] | None, Meta(description=_NO_LOGPROBS)] = None


class OpenAIReply(Struct):
    """A message of the model."""

    content: str
    role: str = "assistant"
    refusal: None = None


class Delta(Struct, omit_defaults=True):
    """A piece of one."""

    role: str | None = None
    content: str | None = None


class Choice(Struct):
    """One answer, or a piece of it."""

    index: int
    finish_reason: str | None
    message: OpenAIReply | UnsetType = UNSET
    delta: Annotated[Delta | UnsetType, Meta(description="In a stream.")] = UNSET
    logprobs: None = None


class Usage(Struct):
    """Photos, and words about them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(Struct, kw_only=True):
    """The answer, or, streamed, a piece of it."""

    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | UnsetType = UNSET


class Model(Struct):
    """A model."""

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = "showtell"


class Models(Struct):
    """The models: one."""

    data: list[Model]
    object: str = "list"


async def post_chat_completions(request: Request) -> Response:
    """`POST /v1/chat/completions`: about the images of the last message that has some."""
    asked = await read_json(request, ChatCompletions)
    if asked.logprobs:
        raise RefusedError(400, f"logprobs: are not here ({_NO_LOGPROBS})")
    photos = _photos(asked.messages)
    said = await texts(request, photos, asked.n or 1)
    words = sum(text.words for text in said)
    head = {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "created": int(time.time()),
        "model": request.app.state.name,
    }
    usage = Usage(len(photos), words, len(photos) + words)
    if not asked.stream:
        choices = [Choice(index, "stop", message=OpenAIReply(text.text)) for index, text in enumerate(said)]
        return Json(Completion(**head, object="chat.completion", choices=choices, usage=usage))
    with_usage = asked.stream_options is not None and bool(asked.stream_options.include_usage)
    return StreamingResponse(_events(head, said, usage if with_usage else None), media_type="text/event-stream")


async def get_models(request: Request) -> Response:
    """`GET /v1/models`: the one that is here."""
    return Json(Models([Model(request.app.state.name)]))


def _events(head: dict[str, Any], said: list[Text], usage: Usage | None) -> Iterator[bytes]:
    def event(choices: list[Choice], **fields: Any) -> bytes:
        chunk = Completion(**head, object="chat.completion.chunk", choices=choices, **fields)
        return b"data: " + msgspec.json.encode(chunk) + b"\n\n"

    for index, text in enumerate(said):
        yield event([Choice(index, None, delta=Delta("assistant", ""))])
        for piece in text.pieces:
            yield event([Choice(index, None, delta=Delta(content=piece))])
        yield event([Choice(index, "stop", delta=Delta())])
    if usage:
        yield event([], usage=usage)
    yield b"data: [DONE]\n\n"


def _photos(messages: list[OpenAIMessage]) -> list[str]:
    for message in reversed(messages):
        parts = message.content if isinstance(message.content, list) else []
        images = [part.image_url for part in parts if part.type == "image_url"]
        if images:
            found = [image.url if isinstance(image, ImageUrl) else image for image in images]
            if None in found:
                raise RefusedError(400, "there is no photo in a part of type image_url; send its url, a data: address")
            return [photo for photo in found if photo is not None]
    raise RefusedError(400, "there is no photo: send it as a part of type image_url, its url a data: address")
