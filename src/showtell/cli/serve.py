"""`showtell serve`: a captioner over HTTP."""

from __future__ import annotations

import ipaddress
import secrets
from pathlib import Path
from typing import Annotated

import typer

from showtell._util.console import note
from showtell.errors import ShowtellError


def serve(
    model: Annotated[
        Path | None,
        typer.Option("--model", "-m", help="Captioner file or run folder; default: the bundled one."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to bind; default: this machine only.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to bind; 0 for a free one.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="SHOWTELL_TOKEN",
            help="Bearer token that requests must send; generated if other machines can connect.",
        ),
    ] = None,
) -> None:
    """Caption photos over HTTP, with showtell's own API and those of Ollama and OpenAI.

    The API is described at /docs. SIGTERM stops it when the requests that it accepted are answered.

    Example: showtell serve --port 11434
    """
    from showtell.cli.model import captioner_file, load_captioner

    try:
        from showtell.serve.access import check_token
        from showtell.serve.app import application
        from showtell.serve.server import BoundedServer, limits_here, listen
    except ImportError as error:
        raise ShowtellError(f"{error}: showtell serve needs more packages, pip install 'showtell[serve]'") from error

    token = token or None
    if token is not None:
        check_token(token)
    with listen(host, port) as listener:
        address, bound, *_ = listener.getsockname()
        loopback = ipaddress.ip_address(address).is_loopback
        shown = f"[{host}]" if ":" in host else host
        if not loopback and token is None:
            token = secrets.token_urlsafe(24)
            note(f"other machines can connect: they must send Authorization: Bearer {token}")
        hosts = [shown] if loopback else None
        app = application(load_captioner(model), captioner_file(model), token=token, limits=limits_here(), hosts=hosts)
        note(f"listening on http://{shown}:{bound}, the API is described at /docs")
        BoundedServer(app).run([listener])
