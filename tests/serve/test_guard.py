from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
import urllib.error
import urllib.request

import pytest

from conftest import PHOTOS

CAT = json.dumps({"photo": base64.b64encode((PHOTOS / "chelsea.png").read_bytes()).decode()}).encode()


def status_of(answer: bytes) -> int:
    return int(answer[9:12])


def request(path: str, body: bytes = b"", *, length: int | None = None, close: bool = True, more: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body) if length is None else length}\r\n"
    return (head + ("Connection: close\r\n" if close else "") + more + "\r\n").encode() + body


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/captions", {}, 413),
        ("/v1/captions", {"Origin": "https://evil.example"}, 403),
        ("/v1/captions", {"Host": "evil.example"}, 421),
        ("/nothing", {}, 404),
        ("/healthz", {}, 405),
    ],
)
def test_refusal_is_readable_while_the_client_is_sending(
    listen, path: str, headers: dict[str, str], status: int
) -> None:
    """urllib sends all before it reads, and asks that the connection be closed."""
    with listen(body_bytes=1_000_000) as server:
        for _ in range(3):
            sent = urllib.request.Request(f"http://localhost:{server.port}{path}", b"x" * 7_000_000, headers)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(sent, timeout=60)
            assert refused.value.code == status
            assert "error" in json.load(refused.value)
            refused.value.close()


def test_refusal_closes_a_keep_alive_connection(listen) -> None:
    with listen(body_bytes=1_000_000, linger_seconds=0.3) as server:
        for body in (b"x" * 2_000_000, b"x"):  # all of it, and one that never comes
            answer = server.ask(request("/v1/captions", body, length=2_000_000, close=False))
            assert status_of(answer) == 413
            assert b"connection: close" in answer.lower()


def test_lingering_is_limited(listen) -> None:
    with listen(body_bytes=1000, deadline_seconds=0.5, linger_seconds=0.3) as server, server.connect() as client:
        client.sendall(request("/v1/captions", length=10**9))
        with pytest.raises(ConnectionError):  # noqa: PT012
            while True:
                client.sendall(b"x" * 100_000)


def test_headers_without_bodies_reserve_nothing(listen) -> None:
    with listen() as server:
        silent = [server.connect(request("/v1/captions", length=32 * 2**20)) for _ in range(10)]
        assert status_of(server.ask(request("/v1/captions", CAT))) == 200
        for client in silent:
            client.close()


def test_disconnected_client_is_not_served(listen, caplog: pytest.LogCaptureFixture) -> None:
    gone = threading.Event()
    with listen() as server:
        batcher = server.app.state.batcher

        async def never(photo: bytes) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                gone.set()

        decode, batcher.workers.decode = batcher.workers.decode, never
        for part in (CAT, CAT[:1000]):  # while it waits for its caption, and while it sends
            client = server.connect(request("/v1/captions", part, length=len(CAT)))
            if part == CAT:
                while not batcher.waiting:
                    time.sleep(0.01)
            client.close()
        assert gone.wait(30)
        batcher.workers.decode = decode
        assert status_of(server.ask(request("/v1/captions", CAT))) == 200
        assert batcher.waiting == 0
    assert caplog.messages == []


def test_number_of_active_requests_is_limited(listen) -> None:
    with listen(connections=4) as server:
        reading = [server.connect(request("/v1/captions", b"{", length=1000)) for _ in range(2)]
        active = server.app.state.active
        while sum(active._deadlines.values()) < 2:
            time.sleep(0.01)
        answer = server.ask(request("/v1/captions", CAT))
        assert status_of(answer) == 503
        assert b"2 requests are active" in answer
        for path, status in (("/readyz", 503), ("/metrics", 503), ("/healthz", 200)):
            assert server.get(path)[0] == status
        for client in reading:
            client.close()


def test_unfinished_requests_are_refused_after_draining(listen, caplog: pytest.LogCaptureFixture) -> None:
    with listen(drain_seconds=0.5) as server:
        batcher = server.app.state.batcher

        async def never(photo: bytes) -> None:
            await asyncio.Event().wait()

        batcher.workers.decode = never
        half = request("/v1/chat/completions", b"{", length=1000, close=False)
        clients = [server.connect(sent) for sent in (request("/v1/captions", CAT), half, b"GET ")]
        while sum(server.app.state.active._deadlines.values()) < 2:
            time.sleep(0.01)
        start = time.monotonic()
        server.server.should_exit = True
        answers = [server.read(client) for client in clients]
        assert time.monotonic() - start >= 0.5
    assert [status_of(answer) for answer in answers[:2]] == [503, 503]
    assert json.loads(answers[0].partition(b"\r\n\r\n")[2])["error"] == "the server is shutting down; try again later"
    assert json.loads(answers[1].partition(b"\r\n\r\n")[2])["error"]["type"] == "server_error"
    assert answers[2] == b""
    assert caplog.messages == []
