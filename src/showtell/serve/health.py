"""Whether a server lives, whether it answers, and what it counted."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from showtell.serve.guard import check_capacity


async def get_healthz(request: Request) -> Response:
    """The process lives."""
    return PlainTextResponse("ok\n")


async def get_readyz(request: Request) -> Response:
    """It would take a photo now; else 503."""
    check_capacity(request.app)
    return PlainTextResponse("ready\n")


async def get_metrics(request: Request) -> Response:
    """For Prometheus."""
    return Response(request.app.state.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
