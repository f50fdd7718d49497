"""The ASGI application: its routes and shared state."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from showtell.captioning.captioner import Captioner
from showtell.serve import captions, health, ollama, openai, pages, schema
from showtell.serve.access import Access
from showtell.serve.batcher import Batcher
from showtell.serve.body import Bodies
from showtell.serve.guard import ActiveRequests, Guard
from showtell.serve.limits import Limits
from showtell.serve.metrics import Metrics
from showtell.serve.refusal import RefusedError, answer_failed, answer_refused, answer_unknown
from showtell.serve.workers import Workers

NAME = "showtell:latest"
"""The model name."""

# Public endpoints: the same for everybody, and a browser cannot send a token with them
_PUBLIC = {"/healthz", "/readyz", "/docs", "/docs.css", "/openapi.json", *pages.FILES}


def application(
    captioner: Captioner,
    file: Path,
    *,
    token: str | None = None,
    limits: Limits | None = None,
    hosts: Iterable[str] | None = (),
) -> Starlette:
    """The server's application.

    Args:
        captioner: the captioner.
        file: the captioner's file.
        token: what requests must send as `Authorization: Bearer ...`; None if no token is required.
        limits: the limits.
        hosts: accepted host names besides localhost and loopback addresses; None to accept any, which allows DNS
            rebinding.

    Raises:
        ShowtellError: the token is none that can be sent.
    """
    limits = limits or Limits()

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        app.state.batcher = Batcher(captioner, limits, Workers(limits))
        app.state.metrics = Metrics(app.state.batcher)
        try:
            await app.state.batcher.start()
            yield
        finally:
            await app.state.batcher.stop()

    routes = [
        *(Route(path, pages.get_page) for path in pages.FILES),
        Route("/v1/captions", captions.post_captions, methods=["POST"]),
        Route("/v1/chat/completions", openai.post_chat_completions, methods=["POST"]),
        Route("/v1/models", openai.get_models),
        Route("/api/generate", ollama.post_generate, methods=["POST"]),
        Route("/api/chat", ollama.post_chat, methods=["POST"]),
        Route("/api/tags", ollama.get_tags),
        Route("/api/show", ollama.post_show, methods=["POST"]),
        Route("/api/version", ollama.get_version),
        Route("/healthz", health.get_healthz),
        Route("/readyz", health.get_readyz),
        Route("/metrics", health.get_metrics),
        Route("/openapi.json", schema.get_openapi),
        Route("/docs", schema.get_docs),
        Route("/docs.css", schema.get_style),
    ]
    handlers = {RefusedError: answer_refused, HTTPException: answer_unknown, Exception: answer_failed}
    app = Starlette(routes=routes, lifespan=life, exception_handlers=handlers)
    app.router.redirect_slashes = False
    app.add_middleware(Guard, access=Access(token, hosts, _PUBLIC), limits=limits)
    app.state.captioner, app.state.limits, app.state.name = captioner, limits, NAME
    app.state.bodies, app.state.active = Bodies(limits), ActiveRequests(limits)
    data = file.read_bytes()
    app.state.size, app.state.digest = len(data), hashlib.sha256(data).hexdigest()
    app.state.modified = datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat().replace("+00:00", "Z")
    return app
