"""Ollama's API, for clients such as photo managers that use it.

https://github.com/ollama/ollama/blob/main/docs/api.md. Prompts are ignored: the answer is always the
caption. Unsupported parameters that would change the format of the answer are refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from showtell import __version__
from showtell.serve.body import Json, Photo, read_json
from showtell.serve.refusal import RefusedError
from showtell.serve.sentences import Text, texts

Name = Annotated[str, Meta(max_length=256)]
"""The model name; there is only one model."""


class _OllamaRequest(Struct):
    model: Annotated[Name | None, Meta(description="Ignored; there is only one model.")] = None
    stream: Annotated[bool | None, Meta(description="Whether to stream JSON lines; default true.")] = None
    format: Annotated[Literal[""] | None, Meta(description="Structured output is not supported; omit it.")] = None
    think: Annotated[bool | None, Meta(description="Not supported; false, or omit it.")] = None
    logprobs: Annotated[bool | None, Meta(description="Not supported; /v1/captions has them; false, or omit it.")] = (
        None
    )


class Generate(_OllamaRequest):
    """A request for captions."""

    prompt: Annotated[str | None, Meta(description="Ignored.")] = None
    images: list[Photo] | None = None


class OllamaMessage(Struct):
    """A message with images."""

    role: str | None = None
    content: Annotated[str | None, Meta(description="Ignored.")] = None
    images: list[Photo] | None = None


class Chat(_OllamaRequest):
    """A chat request; the images of the last message that has some are captioned."""

    messages: list[OllamaMessage] | None = None
    tools: Annotated[Annotated[list[Raw], Meta(max_length=0)] | None, Meta(description="Not supported; omit them.")] = (
        None
    )


class OllamaReply(Struct):
    """The model's message."""

    content: str
    role: str = "assistant"


class OllamaAnswer(Struct, kw_only=True):
    """The response, or a chunk of it when streaming."""

    model: str
    created_at: str
    response: Annotated[str | UnsetType, Meta(description="Of /api/generate.")] = UNSET
    message: Annotated[OllamaReply | UnsetType, Meta(description="Of /api/chat.")] = UNSET
    done: bool
    done_reason: str | UnsetType = UNSET
    total_duration: Annotated[int | UnsetType, Meta(description="Nanoseconds.")] = UNSET
    load_duration: int | UnsetType = UNSET
    prompt_eval_count: int | UnsetType = UNSET
    prompt_eval_duration: int | UnsetType = UNSET
    eval_count: Annotated[int | UnsetType, Meta(description="Words.")] = UNSET
    eval_duration: int | UnsetType = UNSET


class Details(Struct):
    """Details of the model."""

    parameter_size: str
    parent_model: str = ""
    format: str = "safetensors"
    family: str = "showtell"
    families: tuple[str, ...] = ("showtell",)
    quantization_level: str = "F16"


class Tag(Struct):
    """A model."""

    name: str
    model: str
    modified_at: str
    size: int
    digest: str
    details: Details


class Tags(Struct):
    """The list of models, which has one entry."""

    models: list[Tag]


class Show(Struct):
    """Capabilities of the model."""

    details: Details
    modified_at: str
    model_info: dict[str, str]
    capabilities: tuple[str, ...] = ("completion", "vision")


class Version(Struct):
    """The version of showtell."""

    version: str


async def post_generate(request: Request) -> Response:
    """`POST /api/generate`, streamed by default."""
    asked = await read_json(request, Generate)
    if not asked.images and not asked.prompt:
        # how clients request that a model be loaded
        return Json(_answer(asked, response="", done=True, done_reason="load"))
    return await _respond(request, asked, asked.images, lambda text: {"response": text})


async def post_chat(request: Request) -> Response:
    """`POST /api/chat`, streamed by default: captions for the images of the last message that has some."""
    asked = await read_json(request, Chat)
    if not asked.messages:
        return Json(_answer(asked, message=OllamaReply(""), done=True, done_reason="load"))
    images = next((message.images for message in reversed(asked.messages) if message.images), None)
    return await _respond(request, asked, images, lambda text: {"message": OllamaReply(text)})


async def get_tags(request: Request) -> Response:
    """`GET /api/tags`: the list of models."""
    state = request.app.state
    tag = Tag(state.name, state.name, state.modified, state.size, state.digest, _details(state.captioner))
    return Json(Tags([tag]))


async def post_show(request: Request) -> Response:
    """`POST /api/show`: the capabilities of the model."""
    state = request.app.state
    return Json(Show(_details(state.captioner), state.modified, {"general.architecture": "showtell"}))


async def get_version(request: Request) -> Response:
    """`GET /api/version`."""
    return Json(Version(__version__))


async def _respond(
    request: Request, asked: _OllamaRequest, images: list[str] | None, told: Callable[[str], dict[str, Any]]
) -> Response:
    for field in ("think", "logprobs"):
        if getattr(asked, field):
            raise RefusedError(400, f"{field}: not supported; set it to false or omit it")
    if not images:
        raise RefusedError(400, "no photo: send it as base64 in images")
    start = time.monotonic_ns()
    (text,) = await texts(request, images)
    spent = time.monotonic_ns() - start
    last = {
        "done": True,
        "done_reason": "stop",
        "total_duration": spent,
        "load_duration": 0,
        "prompt_eval_count": len(images),
        "prompt_eval_duration": 0,
        "eval_count": text.words,
        "eval_duration": spent,
    }
    if asked.stream is False:
        return Json(_answer(asked, **told(text.text), **last))
    return StreamingResponse(_lines(asked, text, told, last), media_type="application/x-ndjson")


def _lines(
    asked: _OllamaRequest, text: Text, told: Callable[[str], dict[str, Any]], last: dict[str, Any]
) -> Iterator[bytes]:
    for piece in text.pieces:
        yield msgspec.json.encode(_answer(asked, **told(piece), done=False)) + b"\n"
    yield msgspec.json.encode(_answer(asked, **told(""), **last)) + b"\n"


def _answer(asked: _OllamaRequest, **fields: Any) -> OllamaAnswer:
    created = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return OllamaAnswer(model=asked.model or "", created_at=created, **fields)


def _details(captioner: Any) -> Details:
    weights = sum(array.size for array in captioner.decoder.params.values())
    return Details(f"{weights / 1e6:.1f}M")
