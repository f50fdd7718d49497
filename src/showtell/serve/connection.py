"""Connections with timeouts: idle ones are closed, so that there is always one for the next request."""

from __future__ import annotations

import asyncio
import json
import time
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from showtell.serve.limits import Limits


class Connection(H11Protocol):
    """A client's connection, closed if complete request headers do not arrive in time.

    At the connection limit, the connection that has been idle longest is closed for a new one: a client that sends a
    request is answered, however many idle connections there are.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.limits: Limits = self.config.app.state.limits  # type: ignore[union-attr]
        self._idle_since = time.monotonic()
        self._header_timer: asyncio.TimerHandle | None = None
        self._refused = False

    @property
    def idle(self) -> bool:
        """Whether it can be closed without loss: no request is active, or its client does not read the response."""
        if self.cycle is None or self.cycle.response_complete or self.flow.write_paused:
            return True
        return bool(self.cycle.scope.get("state", {}).get("answered"))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept it, closing an idle one if there are too many."""
        super().connection_made(transport)
        self._wait_for_headers()
        if len(self.connections) > self.limits.connections:
            idle = [one for one in self.connections if isinstance(one, Connection) and one.idle and one is not self]
            min(idle, key=lambda one: one._idle_since, default=self).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timer."""
        if self._header_timer:
            self._header_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a request; data after an invalid one is discarded."""
        if not self._refused:
            super().data_received(data)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._wait_for_headers()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that is not HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, "the request is not HTTP, or its headers are too long")

    def _wait_for_headers(self) -> None:
        if self._header_timer:
            self._header_timer.cancel()
        self._idle_since = time.monotonic()
        self._header_timer = self.loop.call_later(self.limits.deadline_seconds, self._time_out)

    def _time_out(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            return  # a request has arrived
        if self.conn.trailing_data[0]:
            seconds = self.limits.deadline_seconds
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the request's headers did not arrive within {seconds:g} seconds")
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Respond, and close after a delay: closing at once could reset the connection before the client reads it."""
        self._refused = True
        if self.cycle is not None and not self.cycle.response_complete:
            started = self.cycle.response_started
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        else:
            started = False
        if not started:
            body = json.dumps({"error": message}).encode()
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(self.limits.linger_seconds, self.transport.close)
