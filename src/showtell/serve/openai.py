"""The shape of OpenAI's chat completions, with the photo as an image part.

https://platform.openai.com/docs/api-reference/chat. What is asked in words is not read: the answer is the caption.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from showtell.serve.body import decode_photo, read_json
from showtell.serve.refusal import RefusedError
from showtell.serve.sentences import in_pieces, one_text


async def post_chat_completions(request: Request) -> Response:
    """`POST /v1/chat/completions`: about the images of the last message that has some."""
    state = request.app.state
    body = await read_json(request, state.limits)
    photos = _photos(body.get("messages"))
    text, words = await one_text(state, photos)
    head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": state.name}
    usage = {"prompt_tokens": len(photos), "completion_tokens": words, "total_tokens": len(photos) + words}
    if not body.get("stream"):
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return JSONResponse(head | {"object": "chat.completion", "choices": [choice], "usage": usage})
    options = body.get("stream_options")
    with_usage = isinstance(options, dict) and bool(options.get("include_usage"))

    def events() -> Iterator[str]:
        def event(delta: dict[str, str], finish: str | None = None) -> str:
            choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
            return _event(head | {"object": "chat.completion.chunk", "choices": [choice]})

        yield event({"role": "assistant", "content": ""})
        for piece in in_pieces(text):
            yield event({"content": piece})
        yield event({}, "stop")
        if with_usage:
            yield _event(head | {"object": "chat.completion.chunk", "choices": [], "usage": usage})
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


async def get_models(request: Request) -> Response:
    """`GET /v1/models`: the one that is here."""
    model = {"id": request.app.state.name, "object": "model", "created": 0, "owned_by": "showtell"}
    return JSONResponse({"object": "list", "data": [model]})


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value)}\n\n"


def _photos(messages: Any) -> list[bytes]:
    if not isinstance(messages, list):
        raise RefusedError(400, "messages is no list")
    for message in reversed(messages):
        content = message.get("content") if isinstance(message, dict) else None
        parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
        images = [part.get("image_url") for part in parts if part.get("type") == "image_url"]
        if images:
            return [decode_photo(image.get("url") if isinstance(image, dict) else image) for image in images]
    raise RefusedError(400, "there is no photo: send it as a part of type image_url, its url a data: address")
