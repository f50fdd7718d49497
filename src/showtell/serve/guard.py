"""The outermost middleware: access, capacity, timeouts, and security headers for every request."""

from __future__ import annotations

import asyncio
import time

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from showtell.serve.access import Access
from showtell.serve.limits import Limits
from showtell.serve.refusal import RefusedError, answer_refused

_HEADERS = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}

# For these, capacity is checked before the body is read
_CAPTION_PATHS = {"/v1/captions", "/v1/chat/completions", "/api/generate", "/api/chat"}
# The event loop needs a few iterations to drop the work of a client that has disconnected
_DISCONNECT_GRACE_S = 0.02
# Up to so many times `body_bytes` are read and discarded from a refused request
_LINGER_BODIES = 8


class ActiveRequests:
    """The accepted requests that are not yet answered.

    Args:
        limits: how many there may be, and how long they have after shutdown begins.

    Attributes:
        draining: no new requests are accepted.
        expired: the active ones are given up.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.draining = self.expired = False
        self._deadlines: dict[asyncio.Timeout, bool] = {}

    def check_capacity(self) -> None:
        """Check that one more may be accepted.

        Raises:
            RefusedError: 503, it may not.
        """
        if self.draining:
            raise RefusedError(503, "the server is shutting down; try again later", 1)
        if (count := sum(self._deadlines.values())) >= max(1, self.limits.connections // 2):
            raise RefusedError(503, f"busy: {count} requests are active; try again later", 1)

    def add(self, deadline: asyncio.Timeout, *, counts: bool) -> None:
        """Add a request, which ends at its deadline."""
        self._deadlines[deadline] = counts

    def discard(self, deadline: asyncio.Timeout) -> None:
        """Remove an answered request."""
        self._deadlines.pop(deadline, None)

    def drain(self) -> None:
        """Take no more; those that were taken have some time yet, and are then refused."""
        self.draining = True
        loop = asyncio.get_running_loop()
        loop.call_later(self.limits.drain_seconds, self._time_out)

    def _time_out(self) -> None:
        self.expired = True
        for deadline in self._deadlines:
            if not deadline.expired():
                deadline.reschedule(asyncio.get_running_loop().time())


def check_capacity(app: Starlette) -> None:
    """Check that a photo would be accepted now.

    Raises:
        RefusedError: 503, it would not.
    """
    app.state.active.check_capacity()
    app.state.bodies.check_capacity()
    app.state.batcher.check_capacity()


class Guard:
    """The outermost layer of the application.

    Args:
        app: the application.
        access: the access rules.
        limits: the limits.
    """

    def __init__(self, app: ASGIApp, access: Access, limits: Limits) -> None:
        self.app, self.access, self.limits = app, access, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.monotonic()
        exchange = _Exchange(Request(scope), receive, send, self.limits)
        try:
            await self._answer(exchange, scope)
        except ClientDisconnect:  # the client is gone
            pass
        finally:
            state = scope["app"].state
            state.bodies.forget(exchange.request)
            known = {route.path for route in scope["app"].routes}
            path = scope["path"] if scope["path"] in known else "other"
            state.metrics.requests.labels(path, str(exchange.status or "none")).inc()
            state.metrics.seconds.labels(path).observe(time.monotonic() - start)

    async def _answer(self, exchange: _Exchange, scope: Scope) -> None:
        app, request = scope["app"], exchange.request
        active: ActiveRequests = app.state.active
        refusal: RefusedError | None = None
        # Reading, captioning and sending have a deadline each
        try:
            async with asyncio.timeout(3 * self.limits.deadline_seconds) as deadline:
                exchange.deadline = deadline
                try:
                    path = scope["path"]
                    self.access.check(request.method, path, request.headers)
                    if path in _CAPTION_PATHS:
                        await self._wait_for_capacity(app)
                    elif path not in self.access.public:
                        active.check_capacity()
                except RefusedError as error:
                    refusal = error
                else:
                    active.add(deadline, counts=path not in self.access.public)
                    await self.app(scope, exchange.receive, exchange.send)
        except TimeoutError:
            if not deadline.expired():
                raise
            if not exchange.gone and not exchange.status:
                refusal = RefusedError(503, "the server is shutting down; try again later", 1)
        finally:
            active.discard(deadline)
            await exchange.end()
        if refusal:
            await (await answer_refused(request, refusal))(scope, exchange.receive, exchange.send)

    async def _wait_for_capacity(self, app: Starlette) -> None:
        """Like `check_capacity`, but allow time to notice that other clients have just disconnected."""
        try:
            check_capacity(app)
        except RefusedError:
            await asyncio.sleep(_DISCONNECT_GRACE_S)
            check_capacity(app)


class _Exchange:
    """A request and its answer.

    After a response, the rest of an unread body is read and discarded, up to a bound: otherwise a client that is still
    sending would get a connection reset and not see the response. A disconnect cancels the request.

    Attributes:
        status: of the response; 0 before there is one.
        gone: whether the client has disconnected.
    """

    def __init__(self, request: Request, receive: Receive, send: Send, limits: Limits) -> None:
        self.request, self._receive, self._send, self.limits = request, receive, send, limits
        self.status, self.gone = 0, False
        self.deadline: asyncio.Timeout | None = None
        self._unread, self._whole = _has_body(request.headers), False
        self._watch: asyncio.Task[None] | None = None

    async def receive(self) -> Message:
        """A part of the body; after the last one, wait for the disconnect."""
        if self._watch:
            await asyncio.wait([self._watch])
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.gone = True
        elif not message.get("more_body"):
            self._unread = False
            self._watch = asyncio.create_task(self._wait_until_gone())
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the response."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            known = {name.lower() for name, _ in message["headers"]}
            more = [(name, value) for name, value in _HEADERS.items() if name not in known]
            if self._unread:
                more.append((b"connection", b"close"))
            message["headers"] = [*message["headers"], *more]
        elif self._unread and not message.get("more_body"):
            await self._send({**message, "more_body": True})
            try:
                await self._linger()
            finally:
                await self._send({"type": "http.response.body", "body": b""})
            return
        self._whole = message["type"] == "http.response.body" and not message.get("more_body")
        await self._send(message)

    async def end(self) -> None:
        """Stop waiting for a disconnect."""
        if self._watch:
            self._watch.cancel()
            await asyncio.wait([self._watch])
            self._watch = None

    async def _wait_until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self.deadline and not self.deadline.expired() and not self._whole:
            self.gone = True
            self.deadline.reschedule(asyncio.get_running_loop().time())

    async def _linger(self) -> None:
        self.request.state.answered = True  # its connection may be closed for a new one
        active, limits, start = self.request.app.state.active, self.limits, time.monotonic()
        left = _LINGER_BODIES * limits.body_bytes
        while left > 0:
            end = start + (limits.linger_seconds if active.expired else limits.deadline_seconds)
            try:
                async with asyncio.timeout(min(limits.linger_seconds, end - time.monotonic())):
                    message = await self._receive()
            except TimeoutError:
                return
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                return
            left -= len(message.get("body", b""))


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
