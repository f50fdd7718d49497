from __future__ import annotations

import base64
import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import PHOTOS
from showtell.captioning.captioner import Captioner

pytest.importorskip("uvicorn", reason="the server needs the extra serve")


@contextlib.contextmanager
def started(*words: object) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A server that listens, its address, and what it said before; it is ended afterwards."""
    command = [sys.executable, "-c", "from showtell.cli import main; main()", "serve", "--port", "0", *map(str, words)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            said, found = "", None
            for line in process.stderr:
                said += line
                if found := re.search(r"http://\S+:\d+", line):
                    break
            assert found, said
            yield process, found[0].replace("0.0.0.0", "127.0.0.1"), said
        finally:
            process.terminate()


def post(address: str, photos: int = 1, **headers: str) -> dict:
    encoded = base64.b64encode((PHOTOS / "chelsea.png").read_bytes()).decode()
    body = json.dumps({"photos": [encoded] * photos}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{address}/v1/captions", body, headers), timeout=60) as answer:
        return json.load(answer)


@pytest.mark.slow
def test_it_listens_answers_and_ends_when_what_it_took_is_done(model: Path, captioner: Captioner) -> None:
    with started("--model", model) as (process, address, said):
        assert "127.0.0.1" in said
        text = captioner.caption(PHOTOS / "chelsea.png").text
        assert post(address)["captions"][0]["caption"] == text
        found: list[dict] = []
        asking = threading.Thread(target=lambda: found.append(post(address, 16)))
        asking.start()
        while "showtell_photos_waiting 0.0" in urllib.request.urlopen(f"{address}/metrics").read().decode():
            assert asking.is_alive()
        process.send_signal(signal.SIGTERM)
        asking.join()
        assert process.wait(30) in (0, -signal.SIGTERM)
    assert [entry["caption"] for entry in found[0]["captions"]] == [text] * 16


@pytest.mark.slow
def test_other_machines_need_a_token(model: Path) -> None:
    with started("--model", model, "--host", "0.0.0.0") as (_, address, said):
        token = re.search(r"Bearer (\S+)", said)[1]
        assert len(token) >= 32
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            post(address)
        refused.value.close()
        assert post(address, Authorization=f"Bearer {token}")["captions"]


def test_without_its_packages_it_says_what_to_install(showtell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in sorted((name for name in sys.modules if name.startswith("showtell.serve")), reverse=True):
        package, _, module = name.rpartition(".")
        monkeypatch.setattr(sys.modules[package], module, sys.modules[name])  # so that it is there again afterwards
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = showtell("serve")
    assert (result.status, result.out) == (1, "")
    assert "pip install 'showtell[serve]'" in result.err


def test_port_in_use_is_an_error(showtell, model: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = showtell("serve", "--model", model, "--port", taken.getsockname()[1])
    assert result.status == 1
    assert "try another --port" in result.err


def test_an_address_that_is_not_here_is_told_before_a_token_is_made_up(showtell, model: Path) -> None:
    result = showtell("serve", "--model", model, "--host", "no.such.host.invalid")
    assert result.status == 1
    assert "try another --host" in result.err
    assert "Bearer" not in result.err


@pytest.mark.parametrize("token", [" ", "a b", "a\n", "clé", "caf\udce9"])
def test_a_token_that_nobody_can_send_is_told(showtell, model: Path, token: str) -> None:
    result = showtell("serve", "--model", model, "--port", "0", "--token", token)
    assert (result.status, result.out) == (1, "")
    assert "use letters, digits and punctuation of ASCII" in result.err
    assert "listening" not in result.err


@pytest.mark.slow
def test_the_address_that_is_shown_is_answered(model: Path) -> None:
    with started("--model", model, "--host", "127.0.0.2") as (_, address, _):
        assert address.startswith("http://127.0.0.2:")
        assert post(address)["captions"]
