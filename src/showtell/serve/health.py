"""Liveness, readiness and metrics."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from showtell.serve.guard import check_capacity


async def get_healthz(request: Request) -> Response:
    """Liveness."""
    return PlainTextResponse("ok\n")


async def get_readyz(request: Request) -> Response:
    """Readiness: whether a photo would be accepted now, otherwise 503."""
    check_capacity(request.app)
    return PlainTextResponse("ready\n")


async def get_metrics(request: Request) -> Response:
    """Metrics for Prometheus."""
    return Response(request.app.state.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
