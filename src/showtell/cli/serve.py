"""`showtell serve`: a captioner over HTTP."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from pathlib import Path
from typing import Annotated

import typer

from showtell.errors import ShowtellError

_DRAIN_SECONDS = 20


def serve(
    model: Annotated[
        Path | None,
        typer.Option("--model", "-m", help="A captioner's file or a run folder; the shipped one if not given."),
    ] = None,
    host: Annotated[str, typer.Option(help="Whom to listen to; this machine alone if not given.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes one that is free.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(envvar="SHOWTELL_TOKEN", help="What requests must bring; made up where other machines may ask."),
    ] = None,
) -> None:
    """Caption photos over HTTP, in showtell's own shape and in those of Ollama and OpenAI.

    The API is described at /docs. SIGTERM lets what was taken be done.

    Example: showtell serve --port 11434
    """
    from showtell.cli.model import captioner_file, load_captioner

    try:
        import uvicorn

        from showtell.serve.app import application
    except ImportError as error:
        raise ShowtellError(f"{error}: showtell serve needs more packages, pip install 'showtell[serve]'") from error

    loopback = _is_loopback(host)
    if not loopback and not token:
        token = secrets.token_urlsafe(24)
        typer.echo(f"other machines may ask: they must send Authorization: Bearer {token}", err=True)
    app = application(load_captioner(model), captioner_file(model), token=token, loopback=loopback)
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ShowtellError(f"cannot listen to {host}, port {port}: {error.strerror}; try another --port") from error
    config = uvicorn.Config(app, log_level="warning", server_header=False, timeout_graceful_shutdown=_DRAIN_SECONDS)
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"listening on http://{shown}:{listener.getsockname()[1]}, the API is described at /docs", err=True)
    uvicorn.Server(config).run([listener])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
