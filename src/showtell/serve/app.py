"""The application: its routes, and what holds for every request."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from showtell.captioner import Captioner
from showtell.serve import captions, health, ollama, openai, pages, schema
from showtell.serve.batcher import Batcher
from showtell.serve.limits import Limits
from showtell.serve.metrics import Metrics
from showtell.serve.refusal import RefusedError

NAME = "showtell:latest"
"""What the model is called."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# What tells nobody anything, and needs no token
_OPEN = {"/healthz", "/readyz", *pages.FILES}
_LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}

# What is worked on needs room in memory: whether there is some is asked before the body is read
_WORK = {"/v1/captions", "/v1/chat/completions", "/api/generate", "/api/chat"}


def application(
    captioner: Captioner, file: Path, *, token: str | None = None, limits: Limits | None = None, loopback: bool = True
) -> Starlette:
    """The server's application.

    Args:
        captioner: whose captions they are.
        file: where it was read from.
        token: what a request must bring as `Authorization: Bearer ...`; none is asked for if not given.
        limits: what is taken on.
        loopback: answer only requests to this machine by one of its own names. A page from elsewhere can make a browser
            ask a name that leads here.
    """
    limits = limits or Limits()

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        app.state.batcher = Batcher(captioner, limits)
        app.state.metrics = Metrics(app.state.batcher)
        await app.state.batcher.start()
        yield
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
    app = Starlette(routes=routes, lifespan=life, exception_handlers={RefusedError: _refused, Exception: _failed})
    app.add_middleware(_Guard, token=token, loopback=loopback, limits=limits)
    app.state.captioner, app.state.limits, app.state.name = captioner, limits, NAME
    data = file.read_bytes()
    app.state.size, app.state.digest = len(data), hashlib.sha256(data).hexdigest()
    app.state.modified = datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat().replace("+00:00", "Z")
    return app


class _Guard:
    """Who may ask, what every answer says besides, and how long it took."""

    def __init__(self, app: ASGIApp, token: str | None, loopback: bool, limits: Limits) -> None:
        self.app, self.token, self.loopback, self.limits = app, token, loopback, limits
        self.bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, start, status = Request(scope), time.monotonic(), 500

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                known = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((k.lower().encode(), v.encode()) for k, v in _HEADERS.items() if k.lower().encode() not in known),
                ]
            await send(message)

        size = self._size(request)
        try:
            self._check(request, size)
        except RefusedError as refusal:
            await _refused(request, refusal)(scope, receive, with_headers)
        else:
            self.bytes += size
            try:
                await self.app(scope, receive, with_headers)
            finally:
                self.bytes -= size
        known = {route.path for route in scope["app"].routes}
        path = scope["path"] if scope["path"] in known else "other"
        metrics: Metrics = scope["app"].state.metrics
        metrics.requests.labels(path, str(status)).inc()
        metrics.seconds.labels(path).observe(time.monotonic() - start)

    def _size(self, request: Request) -> int:
        """The bytes of the body, as far as it would be read."""
        told = request.headers.get("content-length", "" if request.method == "POST" else "0")
        return min(int(told), self.limits.body_bytes) if told.isdigit() else self.limits.body_bytes

    def _check(self, request: Request, size: int) -> None:
        """Raises a RefusedError: 421, 401 or 503."""
        host = request.headers.get("host", "")
        if self.loopback and host.rpartition(":")[0] not in _LOOPBACK and host not in _LOOPBACK:
            raise RefusedError(421, f"this server answers to localhost, not to {host!r}")
        path = request.url.path
        if self.token and path not in _OPEN:
            brought = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(brought, f"Bearer {self.token}".encode()):
                raise RefusedError(401, "the token is missing or wrong: send Authorization: Bearer TOKEN")
        if path in _WORK:
            request.app.state.batcher.check_room()
            if self.bytes + size > self.limits.all_bytes:
                raise RefusedError(503, "busy: too many bytes are being read; try again later", 1)


def _refused(request: Request, refusal: Exception) -> Response:
    """In the shape that the client of this path knows."""
    assert isinstance(refusal, RefusedError)
    path, message = request.url.path, str(refusal)
    if path.startswith("/v1/chat") or path == "/v1/models":
        kind = "invalid_request_error" if refusal.status < 500 else "server_error"
        body: object = {"error": {"message": message, "type": kind, "param": None, "code": None}}
    else:
        body = {"error": message}
    headers = refusal.headers | ({"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {})
    return JSONResponse(body, refusal.status, headers)


def _failed(request: Request, error: Exception) -> Response:
    return _refused(request, RefusedError(500, "the server failed; its log says how"))
