from __future__ import annotations

import asyncio
import errno
import logging
import socket
from pathlib import Path

import pytest

from showtell.captioning.captioner import Captioner
from showtell.errors import ShowtellError
from showtell.serve.app import application
from showtell.serve.limits import Limits
from showtell.serve.server import BoundedServer, limits_here, listen


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return socket.has_dualstack_ipv6()
    except OSError:
        return False


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_listening_addresses(host: str) -> None:
    with listen(host, 0) as listener:
        socket.create_connection(("127.0.0.1", listener.getsockname()[1])).close()


@pytest.mark.skipif(not has_ipv6(), reason="needs IPv6")
@pytest.mark.parametrize("host", ["::", "0:0:0:0:0:0:0:0"])
def test_wildcard_address_listens_on_ipv4_and_ipv6(host: str) -> None:
    with listen(host, 0) as listener:
        for address in ("127.0.0.1", "::1"):
            socket.create_connection((address, listener.getsockname()[1])).close()


@pytest.mark.skipif(not has_ipv6(), reason="needs IPv6")
def test_specific_address_listens_on_that_address_only() -> None:
    with listen("::1", 0) as listener, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listener.getsockname()[1]))


@pytest.mark.parametrize("host", ["no.such.host.invalid", "http://localhost", "192.0.2.1", "a" * 70, "[::1]"])
def test_unavailable_address_is_an_error(host: str) -> None:
    with pytest.raises(ShowtellError, match=r"is no address of this machine.*; try another --host") as error:
        listen(host, 0)
    assert repr(host) in str(error.value)


def test_port_in_use_is_an_error() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(ShowtellError, match="try another --port"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_connection_limit_respects_the_descriptor_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource", reason="no descriptors to count")
    for descriptors, connections in ((16, 8), (200, 66), (1024, 341), (2**20, 512)):
        monkeypatch.setattr(resource, "getrlimit", lambda which, found=descriptors: (found, found))
        assert limits_here() == Limits(connections=connections)


def test_accepting_leaves_descriptors_for_the_rest(captioner: Captioner, file: Path) -> None:
    for descriptors in (200, 1024):
        limits = Limits(connections=descriptors // 3)
        backlog = BoundedServer(application(captioner, file, limits=limits)).config.backlog
        assert backlog >= 16
        assert limits.connections + 3 * backlog < descriptors - 40


def test_descriptor_exhaustion_is_logged_once(listen, caplog: pytest.LogCaptureFixture) -> None:
    with listen() as server:
        loop = server.app.state.batcher._task.get_loop()
        for _ in range(1000):
            error = OSError(errno.EMFILE, "Too many open files")
            loop.call_soon_threadsafe(loop.call_exception_handler, {"message": "accept", "exception": error})
        loop.call_soon_threadsafe(loop.call_exception_handler, {"message": "another failure"})
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
    assert caplog.messages == ["no more connections can be taken: [Errno 24] Too many open files", "another failure"]
    assert logging.getLogger("uvicorn.error").isEnabledFor(logging.ERROR)
