"""The server process: listening, logging, shutdown."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import math
import socket
import time
from typing import Any

from starlette.applications import Starlette
from uvicorn import Config, Server

from showtell.errors import ShowtellError
from showtell.serve.connection import Connection
from showtell.serve.limits import Limits

_LOG = logging.getLogger("uvicorn.error")
_NO_MORE_FILES = {errno.EMFILE, errno.ENFILE}
# The share of the file-descriptor limit that connections may use. Accepting can take as many at a time as the backlog,
# up to three times, before surplus connections are closed
_FOR_CONNECTIONS, _FOR_BACKLOG = 3, 12
_REPEATED_AFTER_S = 60


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; `::` accepts IPv4 too.

    Raises:
        ShowtellError: there is no such address here, or the port is taken.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise ShowtellError(f"{host!r} is no address of this machine ({error}); try another --host") from error
    every = family == socket.AF_INET6 and ipaddress.ip_address(address[0]).is_unspecified
    try:
        return socket.create_server(address, family=family, dualstack_ipv6=every and socket.has_dualstack_ipv6())
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            message = f"{host!r} is no address of this machine; try another --host"
        else:
            message = f"cannot listen to {host}, port {port}: {error.strerror}; try another --port"
        raise ShowtellError(message) from error


def limits_here() -> Limits:
    """The default limits, with connections bounded by the file-descriptor limit of this process."""
    try:
        import resource
    except ImportError:
        return Limits()
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Limits(connections=min(Limits.connections, max(8, descriptors // _FOR_CONNECTIONS)))


class BoundedServer(Server):
    """Serves an application until SIGTERM or SIGINT.

    Active requests are then answered, or refused after `drain_seconds`.

    Args:
        app: as of `application`.
    """

    def __init__(self, app: Starlette) -> None:
        limits: Limits = app.state.limits
        self.app = app
        super().__init__(
            Config(
                app,
                http=Connection,
                ws="none",
                log_level="error",
                access_log=False,
                server_header=False,
                backlog=max(1, limits.connections * _FOR_CONNECTIONS // _FOR_BACKLOG),
                timeout_graceful_shutdown=math.ceil(limits.drain_seconds + limits.linger_seconds) + 1,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving."""
        asyncio.get_running_loop().set_exception_handler(_Handler())
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain and stop."""
        self.app.state.active.drain()
        await super().shutdown(sockets)


class _Handler:
    """Logs errors of the event loop; running out of file descriptors at most once a minute."""

    def __init__(self) -> None:
        self._told = -float(_REPEATED_AFTER_S)

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in _NO_MORE_FILES:
            loop.default_exception_handler(context)
        elif time.monotonic() - self._told >= _REPEATED_AFTER_S:
            self._told = time.monotonic()
            _LOG.error("no more connections can be taken: %s", error)
