from __future__ import annotations

import contextlib
import io
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from conftest import small_captioner
from showtell.captioning.captioner import Captioner

pytest.importorskip("starlette", reason="the server needs the extra serve")

from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from showtell.errors import PhotoError
from showtell.serve.app import application
from showtell.serve.decode import LENGTH, PIXELS, Decoder
from showtell.serve.limits import Limits
from showtell.serve.server import BoundedServer
from showtell.vision.encoder import SIDE, Encoder, squash


class Tiles(Encoder):
    """Sees the colours of 9 x 9 tiles alone, as no network needs to be waited for; `tests/cli/test_serve.py` has it."""

    mixed = np.random.default_rng(1).standard_normal((3, 1280), np.float32)

    def encode_one(self, photo: Image.Image) -> np.ndarray:
        tiles = np.asarray(squash(photo).resize((9, 9)), np.float32).reshape(81, 3) / 255
        return np.clip(tiles @ self.mixed, 0, 6)


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Tiles()


class Here:
    """Decodes photos in this process, as no other needs to be waited for."""

    share, stuck = 2, False

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    async def decode(self, photo: bytes) -> tuple[Image.Image | PhotoError, float]:
        answers, limits = io.BytesIO(), self.limits
        photos = io.BytesIO(len(photo).to_bytes(LENGTH, "big") + photo)
        Decoder(limits.pixels, limits.decode_bytes, limits.decode_seconds, photos, answers).run()
        answer = answers.getvalue()[1 + LENGTH :]  # behind that it is ready
        kind, told = answer[:1], answer[1 + LENGTH :]
        return Image.frombytes("RGB", (SIDE, SIDE), told) if kind == PIXELS else PhotoError(told.decode()), 0.001

    async def stop(self) -> None:
        pass


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> type[Here]:
    """Who decodes photos."""
    monkeypatch.setattr("showtell.serve.app.Workers", Here)
    return Here


@pytest.fixture
def file(captioner: Captioner, tmp_path: Path) -> Path:
    captioner.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.fixture
def client(captioner: Captioner, file: Path) -> Iterator[TestClient]:
    """A client of a server of the small captioner, in this process."""
    with TestClient(application(captioner, file), "http://localhost") as client:
        yield client


@pytest.fixture(scope="module")
def shared(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a server that the tests of a module share, as they leave nothing there."""
    captioner = small_captioner(encoder)
    file = tmp_path_factory.mktemp("shared") / "model.safetensors"
    captioner.save(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("showtell.serve.app.Workers", Here)
        with TestClient(application(captioner, file), "http://localhost") as client:
            yield client


class Listening:
    """A server that listens, for clients that open connections of their own.

    Attributes:
        app: its application.
        server: it.
        port: where it listens.
    """

    def __init__(self, app: Starlette, server: BoundedServer, port: int) -> None:
        self.app, self.server, self.port = app, server, port

    def connect(self, sent: bytes = b"") -> socket.socket:
        """A connection on which that was sent."""
        client = socket.create_connection(("127.0.0.1", self.port), 60)
        client.sendall(sent)
        return client

    def ask(self, sent: bytes) -> bytes:
        """What the answer is, to its end."""
        return self.read(self.connect(sent))

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        answer = self.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return int(answer[9:12]), answer.partition(b"\r\n\r\n")[2]

    @staticmethod
    def read(client: socket.socket) -> bytes:
        """All that comes, until the connection is closed."""
        with client:
            return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.fixture
def listen(
    captioner: Captioner, file: Path, caplog: pytest.LogCaptureFixture
) -> Callable[..., AbstractContextManager[Listening]]:
    """Starts a server with some limits of its own; what it logs, `caplog` has."""

    @contextlib.contextmanager
    def started(**limits: float) -> Iterator[Listening]:
        app = application(captioner, file, limits=Limits(**limits))
        server = BoundedServer(app)
        logging.getLogger("uvicorn").addHandler(caplog.handler)  # which tells no other
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=server.run, args=([listener],))
            thread.start()
            while not server.started:
                time.sleep(0.01)
            try:
                yield Listening(app, server, listener.getsockname()[1])
            finally:
                server.should_exit = True
                thread.join()
                logging.getLogger("uvicorn").removeHandler(caplog.handler)

    return started


@pytest.fixture
def address(listen: Callable[..., AbstractContextManager[Listening]]) -> Iterator[str]:
    """The address of a server that listens."""
    with listen() as listening:
        yield f"http://127.0.0.1:{listening.port}"
