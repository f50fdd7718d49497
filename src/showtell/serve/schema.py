"""The API's description: OpenAPI as JSON, and as a page that needs nothing from elsewhere."""

from __future__ import annotations

import html
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from showtell import __version__

_TEXT = {"type": "string"}
_YES = {"type": "boolean"}
_BASE64 = {"type": "string", "contentEncoding": "base64", "description": "A photo, or a data: address with one."}


def _object(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _json(schema: dict[str, Any], description: str = "") -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_CAPTION: dict[str, Any] = {
    "caption": _TEXT,
    "log_prob": {"type": "number", "description": "Natural logarithm of the sentence's probability."},
    "confidence": {"type": ["number", "null"], "description": "The probability that the caption is acceptable."},
    "named": {"type": "boolean", "description": "No sentence, but the name of what the encoder is sure to see."},
    "words": _list(
        _object(
            word=_TEXT,
            probability={"type": "number"},
            looks={
                **_list(_list({"type": "number"})),
                "description": "If asked for: how much of each of 9 x 9 places.",
            },
        )
    ),
}
_ERROR = _json(_object(error=_TEXT), "Why not.")
_REFUSALS = {
    "400": _ERROR,
    "408": _ERROR,
    "413": _ERROR,
    "503": {**_ERROR, "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}},
    "504": _ERROR,
}
_CHAT_MESSAGE = _object(role=_TEXT, content=_TEXT, images=_list(_BASE64))


def _post(summary: str, body: dict[str, Any], answer: dict[str, Any], **others: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": body}} | others.pop("content", {})
    responses = {"200": _json(answer, "Done.")} | others.pop("responses", {}) | _REFUSALS
    return {
        "post": {
            "summary": summary,
            "requestBody": {"required": True, "content": content},
            "responses": responses,
            **others,
        }
    }


def _get(summary: str, answer: dict[str, Any]) -> dict[str, Any]:
    return {"get": {"summary": summary, "responses": {"200": answer}}}


def openapi() -> dict[str, Any]:
    """The description, OpenAPI 3.1."""
    several = {"type": "integer", "minimum": 1, "default": 1, "description": "Captions of each photo."}
    looks = {"type": "boolean", "default": False, "description": "Say for each word where in the photo it looked."}
    captions = _object(
        model=_TEXT,
        captions=_list(_object(file=_TEXT, **_CAPTION, others=_list(_object(**_CAPTION)), error=_TEXT)),
    )
    form = _object(file=_list({"type": "string", "contentMediaType": "application/octet-stream"}))
    part = _object(type=_TEXT, text=_TEXT, image_url=_object(url=_BASE64))
    paths = {
        "/v1/captions": _post(
            "Caption photos",
            _object(photos=_list(_BASE64), several=several, looks=looks),
            captions,
            content={"multipart/form-data": {"schema": form}},
            responses={"422": _json(captions, "No photo could be read.")},
            parameters=[
                {"name": name, "in": "query", "schema": schema, "description": "With a form."}
                for name, schema in (("several", several), ("looks", looks))
            ],
        ),
        "/v1/chat/completions": _post(
            "Caption a photo, in OpenAI's shape",
            _object(["messages"], model=_TEXT, messages=_list(_object(role=_TEXT, content=_list(part))), stream=_YES),
            _object(id=_TEXT, object=_TEXT, choices=_list(_object(message=_object(role=_TEXT, content=_TEXT)))),
        ),
        "/v1/models": _get("The model, in OpenAI's shape", _json(_object(data=_list(_object(id=_TEXT))))),
        "/api/generate": _post(
            "Caption a photo, in Ollama's shape",
            _object(["images"], model=_TEXT, prompt=_TEXT, images=_list(_BASE64), stream=_YES | {"default": True}),
            _object(model=_TEXT, response=_TEXT, done=_YES),
        ),
        "/api/chat": _post(
            "Caption a photo, in Ollama's shape of a chat",
            _object(["messages"], model=_TEXT, messages=_list(_CHAT_MESSAGE), stream=_YES | {"default": True}),
            _object(model=_TEXT, message=_CHAT_MESSAGE, done=_YES),
        ),
        "/api/tags": _get("The model, in Ollama's shape", _json(_object(models=_list(_object(name=_TEXT))))),
        "/api/version": _get("The version", _json(_object(version=_TEXT))),
        "/healthz": _get("Whether the server lives", {"description": "It does."}),
        "/readyz": _get("Whether it would take a photo now", {"description": "It would; 503 if not."}),
        "/metrics": _get("Counters for Prometheus", {"description": "As text."}),
    }  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "showtell",
            "version": __version__,
            "summary": "A photo goes in, a sentence comes out.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
    }


async def get_openapi(request: Request) -> Response:
    """`GET /openapi.json`."""
    return JSONResponse(openapi())


_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 1rem; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid GrayText; border-radius: .4rem; }
section { border-top: 1px solid GrayText; margin-top: 1.5rem; }
code, pre { font: .9rem/1.4 ui-monospace, monospace; }
"""

_EXAMPLE = """curl -F file=@photo.jpg http://localhost:8000/v1/captions"""


def page() -> str:
    """The description as HTML."""

    def fields(schema: dict[str, Any], depth: int = 0) -> str:
        if schema.get("type") == "array":
            return fields(schema["items"], depth)
        items = ""
        for name, value in schema.get("properties", {}).items():
            kind = value.get("type", "")
            kind = " or ".join(kind) if isinstance(kind, list) else kind
            told = f"{kind}. {value.get('description', '')}".strip()
            items += f"<li><code>{html.escape(name)}</code>: {html.escape(told)}{fields(value, depth + 1)}</li>"
        return f"<ul>{items}</ul>" if items else ""

    described = openapi()
    sections = ""
    for path, ways in described["paths"].items():
        for method, way in ways.items():
            sections += f"<section><h2><code>{method.upper()} {path}</code></h2><p>{html.escape(way['summary'])}.</p>"
            for kind, content in way.get("requestBody", {}).get("content", {}).items():
                sections += f"<h3>Send, as <code>{kind}</code></h3>{fields(content['schema'])}"
            for content in way["responses"]["200"].get("content", {}).values():
                sections += f"<h3>Get</h3>{fields(content['schema'])}"
            sections += "</section>"
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<title>showtell: the API</title><link rel=stylesheet href=docs.css>"
        f"<main><h1>showtell {html.escape(__version__)}</h1><p>{described['info']['summary']} "
        f"<a href=openapi.json>OpenAPI</a></p><pre>{html.escape(_EXAMPLE)}</pre>{sections}</main></html>"
    )


async def get_docs(request: Request) -> Response:
    """`GET /docs`."""
    return HTMLResponse(page())


async def get_style(request: Request) -> Response:
    """`GET /docs.css`."""
    return Response(_STYLE, media_type="text/css")
