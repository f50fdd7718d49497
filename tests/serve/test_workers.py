from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable

import pytest

from conftest import PHOTOS
from pictures import in_halves
from showtell.errors import PhotoError
from showtell.serve import workers as workers_module
from showtell.serve.limits import Limits
from showtell.serve.workers import Workers
from showtell.vision.encoder import squash
from showtell.vision.photo import open_photo

CAT = (PHOTOS / "chelsea.png").read_bytes()


def run(test: Callable[[Workers], Awaitable[None]], monkeypatch: pytest.MonkeyPatch, **limits: float) -> None:
    """With two processes."""
    monkeypatch.setattr(workers_module, "usable_cores", lambda: 1)

    async def whole() -> None:
        workers = Workers(Limits(**limits))
        try:
            await test(workers)
        finally:
            await workers.stop()
        for worker in workers._all:
            assert worker._process is None

    asyncio.run(whole())


def process_of(workers: Workers) -> int:
    """The one that runs."""
    (number,) = (worker._process.pid for worker in workers._all if worker._process)
    return number


def test_worker_pixels_equal_those_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(workers: Workers) -> None:
        (cat, seconds), (broken, _) = await asyncio.gather(workers.decode(CAT), workers.decode(b"broken"))
        assert cat.tobytes() == squash(open_photo(CAT)).tobytes()
        assert seconds > 0
        assert isinstance(broken, PhotoError)
        assert "the photo of 6 bytes: is not a photo" in str(broken)

    run(test, monkeypatch)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_dead_or_slow_worker_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(workers: Workers) -> None:
        await workers.decode(CAT)
        os.kill(process_of(workers), signal.SIGKILL)
        found, _ = await workers.decode(CAT)
        assert isinstance(found, PhotoError) or found.size == (260, 260)  # it may be known already that it ended
        found, _ = await workers.decode(CAT)
        assert found.size == (260, 260)
        stopped = process_of(workers)
        os.kill(stopped, signal.SIGSTOP)
        start = time.monotonic()
        asked = asyncio.create_task(workers.decode(CAT))
        while not any(worker.since for worker in workers._all):
            await asyncio.sleep(0.01)
        found, _ = await workers.decode(CAT)  # the other one is not held up
        assert found.size == (260, 260)
        found, seconds = await asked
        assert "is not decoded within 3 seconds" in str(found)
        assert 3 <= seconds <= time.monotonic() - start
        with pytest.raises(ProcessLookupError):
            os.kill(stopped, 0)

    run(test, monkeypatch, decode_seconds=3)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_cancelled_decoding_ends_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(workers: Workers) -> None:
        await workers.decode(CAT)
        stopped = process_of(workers)
        os.kill(stopped, signal.SIGSTOP)
        asked = asyncio.create_task(workers.decode(CAT))
        while not any(worker.since for worker in workers._all):
            await asyncio.sleep(0.01)
        asked.cancel()
        while any(worker.since for worker in workers._all):
            await asyncio.sleep(0.01)
        with pytest.raises(ProcessLookupError):
            os.kill(stopped, 0)

    monkeypatch.setattr(workers_module, "_GRACE_S", 0.05)
    run(test, monkeypatch, decode_seconds=1000)


def test_workers_are_stuck_when_all_are_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(workers: Workers) -> None:
        assert not workers.stuck
        now = time.monotonic()
        for since, stuck in (((now, None), False), ((now - 1, None), False), ((now - 1, now), False)):
            workers._all[0].since, workers._all[1].since = since
            assert workers.stuck == stuck
        workers._all[1].since = now - 1
        assert workers.stuck

    run(test, monkeypatch, wait_seconds=0.9)


def test_large_photos_are_decoded_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(workers: Workers) -> None:
        photo = io.BytesIO()
        in_halves(3000, 2900, "red").save(photo, "PNG", compress_level=1)  # 70 MB
        await workers._large.acquire()
        asked = [asyncio.create_task(workers.decode(photo.getvalue())) for _ in range(2)]
        done, _ = await asyncio.wait(asked, timeout=1)
        assert not done
        workers._large.release()
        for found, _ in await asyncio.gather(*asked):
            assert found.getpixel((0, 0)) == (255, 0, 0)

    run(test, monkeypatch)
