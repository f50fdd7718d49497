from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from showtell.captioner import Captioner

pytest.importorskip("starlette", reason="the server needs the extra serve")

import uvicorn
from starlette.testclient import TestClient

from showtell.serve.app import application


@pytest.fixture
def file(captioner: Captioner, tmp_path: Path) -> Path:
    captioner.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.fixture
def client(captioner: Captioner, file: Path) -> Iterator[TestClient]:
    """A client of a server of the small captioner, in this process."""
    with TestClient(application(captioner, file), "http://localhost") as client:
        yield client


@pytest.fixture
def address(captioner: Captioner, file: Path) -> Iterator[str]:
    """The address of a server that listens, for clients that open connections of their own."""
    config = uvicorn.Config(application(captioner, file), "127.0.0.1", 0, log_level="error")
    server, listener = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    with contextlib.suppress(OSError):
        listener.close()
