"""Connections that end: none is held for long by who says nothing, and there is always one for who does."""

from __future__ import annotations

import asyncio
import json
import time
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from showtell.serve.limits import Limits


class Connection(H11Protocol):
    """A client's connection, closed where no whole head of a request comes in time.

    Where there are as many as there may be, the one that has been idle for the longest makes room for the next: who
    sends a request at once is answered, however many say nothing.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.limits: Limits = self.config.app.state.limits  # type: ignore[union-attr]
        self._idle_since = time.monotonic()
        self._header_timer: asyncio.TimerHandle | None = None
        self._refused = False

    @property
    def idle(self) -> bool:
        """Whether nothing is lost if it is closed: no request is in work, or its client takes no answer."""
        if self.cycle is None or self.cycle.response_complete or self.flow.write_paused:
            return True
        return bool(self.cycle.scope.get("state", {}).get("answered"))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, in place of an idle one if there are too many."""
        super().connection_made(transport)
        self._wait_for_headers()
        if len(self.connections) > self.limits.connections:
            idle = [one for one in self.connections if isinstance(one, Connection) and one.idle and one is not self]
            min(idle, key=lambda one: one._idle_since, default=self).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        if self._header_timer:
            self._header_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a request; what comes after one that was none is forgotten."""
        if not self._refused:
            super().data_received(data)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._wait_for_headers()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, "the request is no HTTP, or its head is too long")

    def _wait_for_headers(self) -> None:
        if self._header_timer:
            self._header_timer.cancel()
        self._idle_since = time.monotonic()
        self._header_timer = self.loop.call_later(self.limits.deadline_seconds, self._time_out)

    def _time_out(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            return  # a request came
        if self.conn.trailing_data[0]:
            seconds = self.limits.deadline_seconds
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the request's head did not arrive within {seconds:g} seconds")
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer, and close once the client has had the time to read it: closed at once, it may be lost on the way."""
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
