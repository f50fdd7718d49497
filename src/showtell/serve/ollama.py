"""The shapes of Ollama's API: photo managers that caption with a model there can do so here.

https://github.com/ollama/ollama/blob/main/docs/api.md. What is asked in words is not read: the answer to every photo
is its caption.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from showtell import __version__
from showtell.serve.body import decode_photo, read_json
from showtell.serve.refusal import RefusedError
from showtell.serve.sentences import in_pieces, one_text


async def post_generate(request: Request) -> Response:
    """`POST /api/generate`, streamed unless told otherwise."""
    body = await read_json(request, request.app.state.limits)
    images = body.get("images") or []
    if not images and not body.get("prompt"):
        # how clients ask for a model to be loaded
        return JSONResponse(_head(body) | {"response": "", "done": True, "done_reason": "load"})
    return await _answer(request, body, images, lambda text: {"response": text})


async def post_chat(request: Request) -> Response:
    """`POST /api/chat`, streamed unless told otherwise: about the images of the last message that has some."""
    body = await read_json(request, request.app.state.limits)
    messages = body.get("messages") or []
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise RefusedError(400, "messages is no list of objects")
    if not messages:
        message = {"role": "assistant", "content": ""}
        return JSONResponse(_head(body) | {"message": message, "done": True, "done_reason": "load"})
    images: Any = next((message["images"] for message in reversed(messages) if message.get("images")), [])
    return await _answer(request, body, images, lambda text: {"message": {"role": "assistant", "content": text}})


async def get_tags(request: Request) -> Response:
    """`GET /api/tags`: the one model that is here."""
    state = request.app.state
    details = _details(state.captioner)
    model = {"name": state.name, "model": state.name, "modified_at": state.modified, "size": state.size}
    return JSONResponse({"models": [model | {"digest": state.digest, "details": details}]})


async def post_show(request: Request) -> Response:
    """`POST /api/show`: that the model sees."""
    state = request.app.state
    return JSONResponse(
        {
            "details": _details(state.captioner),
            "model_info": {"general.architecture": "showtell"},
            "capabilities": ["completion", "vision"],
            "modified_at": state.modified,
        }
    )


async def get_version(request: Request) -> Response:
    """`GET /api/version`."""
    return JSONResponse({"version": __version__})


async def _answer(request: Request, body: dict[str, Any], images: Any, told: Any) -> Response:
    if not isinstance(images, list) or not images:
        raise RefusedError(400, "there is no photo: send it as base64 in images")
    start = time.monotonic_ns()
    text, words = await one_text(request.app.state, [decode_photo(image) for image in images])
    spent = time.monotonic_ns() - start
    last = {
        "done": True,
        "done_reason": "stop",
        "total_duration": spent,
        "load_duration": 0,
        "prompt_eval_count": len(images),
        "prompt_eval_duration": 0,
        "eval_count": words,
        "eval_duration": spent,
    }
    if body.get("stream") is False:
        return JSONResponse(_head(body) | told(text) | last)

    def lines() -> Iterator[str]:
        for piece in in_pieces(text):
            yield json.dumps(_head(body) | told(piece) | {"done": False}) + "\n"
        yield json.dumps(_head(body) | told("") | last) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


def _head(body: dict[str, Any]) -> dict[str, Any]:
    created = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {"model": str(body.get("model", "")), "created_at": created}


def _details(captioner: Any) -> dict[str, Any]:
    weights = sum(array.size for array in captioner.decoder.params.values())
    return {
        "parent_model": "",
        "format": "safetensors",
        "family": "showtell",
        "families": ["showtell"],
        "parameter_size": f"{weights / 1e6:.1f}M",
        "quantization_level": "F16",
    }
