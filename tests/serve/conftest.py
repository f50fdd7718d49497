from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import small_captioner
from showtell.captioner import Captioner

pytest.importorskip("starlette", reason="the server needs the extra serve")

from PIL import Image
from starlette.testclient import TestClient

from showtell.errors import PhotoError
from showtell.serve.app import application
from showtell.serve.decode import LENGTH, PIXELS, Decoder
from showtell.serve.limits import Limits
from showtell.serve.server import BoundedServer
from showtell.vision.encoder import SIDE, Encoder


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


@contextlib.contextmanager
def serving(captioner: Captioner, file: Path, **limits: float) -> Iterator[int]:
    """The port of a server that listens, for clients that open connections of their own."""
    server = BoundedServer(application(captioner, file, limits=Limits(**limits)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture
def address(captioner: Captioner, file: Path) -> Iterator[str]:
    """The address of a server that listens."""
    with serving(captioner, file) as port:
        yield f"http://127.0.0.1:{port}"
