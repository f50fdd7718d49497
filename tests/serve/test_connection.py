"""What happens between a server and its clients before there is a request, and when there is none."""

from __future__ import annotations

import json
import logging
import time

import pytest


def test_silent_connection_is_closed(listen, caplog: pytest.LogCaptureFixture) -> None:
    with listen(deadline_seconds=0.5, linger_seconds=0.1) as server:
        silent = server.connect()
        half = server.connect(b"POST /v1/captions HTTP/1.1\r\nHost: local")
        again = server.connect(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /he")
        assert server.read(silent) == b""
        for client in (half, again):
            *_, answer = server.read(client).split(b"HTTP/1.1 ")
            assert answer.startswith(b"408 Request Timeout")
            told = json.loads(answer.partition(b"\r\n\r\n")[2])
            assert told == {"error": "the request's headers did not arrive within 0.5 seconds"}
        assert server.get("/healthz") == (200, b"ok\n")
    assert caplog.messages == []


def test_idle_connections_do_not_block_requests(listen) -> None:
    with listen(connections=4) as server:
        silent = [server.connect() for _ in range(12)]
        half = b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
        refused = [server.connect(half) for _ in range(12)]  # each has its answer, and sends no body
        for _ in range(3):
            assert server.get("/healthz") == (200, b"ok\n")
        for client in silent + refused:
            client.close()


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\0\x01\0", b"GET\r\n\r\n", b"a" * 100_000, b"GET / HTTP/1.1\r\n\r\n"]
)
def test_invalid_http_is_refused(listen, garbage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with listen(deadline_seconds=0.5, linger_seconds=0.5) as server:
        answer = server.ask(garbage + b"\r\n\r\n" + b"more" * 10_000)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request")
        assert "is not HTTP" in json.loads(body)["error"]
    assert caplog.messages == []


def test_invalid_chunked_body_is_refused(listen, caplog: pytest.LogCaptureFixture) -> None:
    with listen(linger_seconds=0.2) as server:
        for path in (b"/v1/captions", b"/nothing"):
            request = b"POST " + path + b" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            client = server.connect(request + b"1\r\na\r\n")
            time.sleep(0.1)  # so that it is at work on it
            client.sendall(b"no chunk\r\n")
            assert server.read(client)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 404")
        assert server.get("/readyz") == (200, b"ready\n")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
