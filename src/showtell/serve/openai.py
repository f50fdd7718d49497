"""OpenAI's chat completions API, with the photo as an image part.

https://platform.openai.com/docs/api-reference/chat. Prompts are ignored: the answer is always the
caption. Unsupported parameters that would change the format of the answer are refused.
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
    """A photo as a data: URL."""

    url: Photo


class Part(Struct):
    """A part of a message; parts of type image_url are photos."""

    type: str
    text: Annotated[str | None, Meta(description="Is not read.")] = None
    image_url: ImageUrl | str | None = None


class OpenAIMessage(Struct):
    """A message with images."""

    content: Annotated[str | list[Part] | None, Meta(description="Photos are parts of it.")] = None
    role: str | None = None


class ResponseFormat(Struct):
    """The format of the response."""

    type: Literal["text"]


class StreamOptions(Struct):
    """Options for streaming."""

    include_usage: bool | None = None


class ChatCompletions(Struct):
    """A chat request; the images of the last message that has some are captioned."""

    messages: Annotated[list[OpenAIMessage], Meta(min_length=1)]
    model: Annotated[Name | None, Meta(description="There is one.")] = None
    n: Annotated[Count | None, Meta(description="Choices, a number from 1 to 8.")] = None
    stream: Annotated[bool | None, Meta(description="Events, true or false.")] = None
    stream_options: StreamOptions | None = None
    response_format: Annotated[
        ResponseFormat | None, Meta(description="Structured output is not supported; omit it.")
    ] = None
    tool_choice: Annotated[Literal["auto", "none"] | None, Meta(description=_NO_TOOLS)] = None
    function_call: Annotated[Literal["auto", "none"] | None, Meta(description=_NO_TOOLS)] = None
    modalities: Annotated[list[Literal["text"]] | None, Meta(description="It answers with text alone.")] = None
    logprobs: Annotated[bool | None, Meta(description=_NO_LOGPROBS)] = None
    top_logprobs: Annotated[Annotated[int, Meta(le=0)] | None, Meta(description=_NO_LOGPROBS)] = None


class OpenAIReply(Struct):
    """The model's message."""

    content: str
    role: str = "assistant"
    refusal: None = None


class Delta(Struct, omit_defaults=True):
    """A chunk of it."""

    role: str | None = None
    content: str | None = None


class Choice(Struct):
    """One choice, or a chunk of it."""

    index: int
    finish_reason: str | None
    message: OpenAIReply | UnsetType = UNSET
    delta: Annotated[Delta | UnsetType, Meta(description="In a stream.")] = UNSET
    logprobs: None = None


class Usage(Struct):
    """Counts: photos as prompt tokens, words as completion tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(Struct, kw_only=True):
    """The response, or a chunk of it when streaming."""

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
    """The list of models, which has one entry."""

    data: list[Model]
    object: str = "list"


async def post_chat_completions(request: Request) -> Response:
    """`POST /v1/chat/completions`: captions for the images of the last message that has some."""
    asked = await read_json(request, ChatCompletions)
    if asked.logprobs:
        raise RefusedError(400, f"logprobs: not supported ({_NO_LOGPROBS})")
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
    """`GET /v1/models`: the list of models."""
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
                raise RefusedError(400, "a part of type image_url has no photo; send its url, a data: URL")
            return [photo for photo in found if photo is not None]
    raise RefusedError(400, "no photo: send it as a part of type image_url with a data: URL")
