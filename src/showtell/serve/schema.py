"""The API description, generated from its types: OpenAPI as JSON, and a self-contained HTML page."""

from __future__ import annotations

import functools
import html
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from showtell import __version__
from showtell.serve import captions, ollama, openai
from showtell.serve.body import Json

_SCHEMAS = "#/components/schemas/"


class Error(Struct):
    """An error."""

    error: str


class Cause(Struct):
    """The cause of an error."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class OpenAIError(Struct):
    """An error in OpenAI's format."""

    error: Cause


@dataclass(frozen=True)
class _Operation:
    """A method of a path: its purpose, request and response types; a description where the response is not JSON."""

    method: str
    path: str
    summary: str
    takes: type | None
    gives: type | str
    wrong: type = Error


_OPERATIONS = [
    _Operation("post", "/v1/captions", "Caption photos", captions.Captions, captions.CaptionsAnswer),
    _Operation(
        "post",
        "/v1/chat/completions",
        "Caption photos, in OpenAI's format",
        openai.ChatCompletions,
        openai.Completion,
        OpenAIError,
    ),
    _Operation("get", "/v1/models", "The model, in OpenAI's format", None, openai.Models, OpenAIError),
    _Operation("post", "/api/generate", "Caption photos, in Ollama's format", ollama.Generate, ollama.OllamaAnswer),
    _Operation("post", "/api/chat", "Caption photos, in Ollama's chat format", ollama.Chat, ollama.OllamaAnswer),
    _Operation("post", "/api/show", "What the model can do, in Ollama's format", None, ollama.Show),
    _Operation("get", "/api/tags", "The model, in Ollama's format", None, ollama.Tags),
    _Operation("get", "/api/version", "The version", None, ollama.Version),
    _Operation("get", "/healthz", "Liveness", None, "The server is alive."),
    _Operation("get", "/readyz", "Readiness: whether a photo would be accepted now", None, "Ready; 503 if not."),
    _Operation("get", "/metrics", "Metrics for Prometheus", None, "Text format."),
]

_REFUSALS = {
    "400": "The request is invalid.",
    "401": "The token is missing or wrong.",
    "403": "The request is cross-origin.",
    "408": "The body did not arrive in time.",
    "413": "The body is too long.",
    "503": "No capacity at the moment.",
    "504": "Timeout.",
}


@functools.cache
def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 description."""
    types = {kind for way in _OPERATIONS for kind in (way.takes, way.gives, way.wrong) if isinstance(kind, type)}
    ordered = sorted(types | {captions.Settings}, key=lambda kind: kind.__qualname__ + kind.__module__)
    schemas, components = msgspec.json.schema_components(ordered, ref_template=_SCHEMAS + "{name}")
    schema = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, Any] = {}
    for way in _OPERATIONS:
        answers: dict[str, Any] = {"200": _response(way.gives, schema)}
        if way.takes:
            answers |= {
                status: _response(way.wrong, schema) | {"description": why} for status, why in _REFUSALS.items()
            }
            answers["503"]["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
        described: dict[str, Any] = {"summary": way.summary, "responses": answers}
        if way.takes:
            described["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": schema[way.takes]}},
            }
        paths.setdefault(way.path, {})[way.method] = described
    _describe_form(paths["/v1/captions"]["post"], components["Settings"]["properties"])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "showtell",
            "version": __version__,
            "summary": "A photo goes in, a sentence comes out.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": components},
    }


def _response(kind: type | str, schema: dict[type, Any]) -> dict[str, Any]:
    if isinstance(kind, str):
        return {"description": kind}
    return {"description": "Done.", "content": {"application/json": {"schema": schema[kind]}}}


def _describe_form(described: dict[str, Any], settings: dict[str, Any]) -> None:
    """Add to `/v1/captions` the multipart form, its settings as query parameters, and status 422."""
    file = {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}}
    form = {"type": "object", "properties": {"file": file, **settings}, "required": ["file"]}
    described["requestBody"]["content"]["multipart/form-data"] = {"schema": form}
    described["parameters"] = [
        {"name": name, "in": "query", "schema": schema, "description": "If a form is sent."}
        for name, schema in settings.items()
    ]
    described["responses"]["422"] = described["responses"]["200"] | {"description": "No photo could be read."}


async def get_openapi(request: Request) -> Response:
    """`GET /openapi.json`."""
    return Json(openapi())


_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 1rem; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid GrayText; border-radius: .4rem; }
section { border-top: 1px solid GrayText; margin-top: 1.5rem; }
code, pre { font: .9rem/1.4 ui-monospace, monospace; }
"""

_EXAMPLE = """curl -F file=@photo.jpg http://localhost:8000/v1/captions"""


@functools.cache
def page() -> str:
    """The description as an HTML page."""
    described = openapi()
    components = described["components"]["schemas"]

    def kinds(schema: dict[str, Any]) -> list[dict[str, Any]]:
        """The alternatives of a schema, with references resolved."""
        if "$ref" in schema:
            return [components[schema["$ref"].removeprefix(_SCHEMAS)]]
        return [kind for one in schema.get("anyOf", [schema]) for kind in ([one] if one is schema else kinds(one))]

    def fields(schema: dict[str, Any]) -> str:
        items = ""
        for kind in kinds(schema):
            if kind.get("type") == "array":
                items += fields(kind.get("items", {}))
            for name, value in kind.get("properties", {}).items():
                told = " or ".join(one["type"] for one in kinds(value) if "type" in one)
                told = f"{told}. {value.get('description', '')}".strip()
                items += f"<li><code>{html.escape(name)}</code>: {html.escape(told)}{fields(value)}</li>"
        return f"<ul>{items}</ul>" if items.startswith("<li>") else items

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
