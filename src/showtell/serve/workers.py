"""Worker processes that decode photos, so that a bad photo cannot crash or block the server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time

from PIL import Image

from showtell._util.cpu import usable_cores
from showtell.errors import PhotoError
from showtell.serve.decode import LARGE, LENGTH, PIXELS, READY
from showtell.serve.limits import Limits
from showtell.vision.encoder import SIDE

# Starting Python and loading its libraries, possibly from a busy disk
_START_S = 60
# How long a cancelled photo may continue: killing the process and starting another takes as long
_GRACE_S = 0.5


class Workers:
    """As many processes as there are cores, and one more, so that no request can keep all of them.

    A process is started when it is first needed. One that takes too long or exits is replaced, and its photo fails.

    Args:
        limits: the limits per photo.

    Attributes:
        share: how many photos of one request may be decoded at a time.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.share = usable_cores()
        self._all = [_Worker(limits) for _ in range(self.share + 1)]
        self._free: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()  # the most recently used one is running already
        for worker in self._all:
            self._free.put_nowait(worker)
        self._large = asyncio.Lock()
        self._jobs: set[asyncio.Task[tuple[Image.Image | PhotoError, float]]] = set()

    @property
    def stuck(self) -> bool:
        """Whether all are busy, each for longer than `wait_seconds`."""
        now = time.monotonic()
        return all(worker.since is not None and now - worker.since > self.limits.wait_seconds for worker in self._all)

    async def decode(self, photo: bytes) -> tuple[Image.Image | PhotoError, float]:
        """The pixels of a photo for the encoder, or an error, and the seconds that decoding took."""
        worker = await self._free.get()
        job = asyncio.create_task(self._decode(worker, photo))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_later(_GRACE_S, job.cancel)
            raise

    async def stop(self) -> None:
        """Kill all processes."""
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        for worker in self._all:
            await worker.end()

    async def _decode(self, worker: _Worker, photo: bytes) -> tuple[Image.Image | PhotoError, float]:
        worker.since = start = time.monotonic()
        name, sound = f"the photo of {len(photo):,} bytes", False
        found: Image.Image | PhotoError
        try:
            found, sound = await worker.decode(photo, self._large), True
        except TimeoutError:
            found = PhotoError(
                f"{name}: is not decoded within {self.limits.decode_seconds} seconds; save it smaller, or as a JPEG"
            )
        except (ConnectionError, asyncio.IncompleteReadError):
            found = PhotoError(f"{name}: is damaged, or takes too much memory to decode; export it again")
        finally:
            if not sound:
                await worker.end()
            worker.since = None
            self._free.put_nowait(worker)
        return found, time.monotonic() - start


class _Worker:
    """One process, which is started when it is needed.

    Attributes:
        since: when it received its current photo; None if idle.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.since: float | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def decode(self, photo: bytes, large: asyncio.Lock) -> Image.Image | PhotoError:
        """Decode a photo; large ones are decoded one at a time.

        Raises:
            TimeoutError: it takes too long.
            ConnectionError, IncompleteReadError: the process ended.
        """
        seconds, process = self.limits.decode_seconds, self._process
        if process is None or process.returncode is not None:
            process = await self._start()
        async with asyncio.timeout(seconds):
            kind, told = await self._ask(process, len(photo).to_bytes(LENGTH, "big"), photo)
        if kind == LARGE:
            async with large:
                while kind == LARGE:  # again, if a damaged photo is opened again without its metadata
                    async with asyncio.timeout(seconds):
                        kind, told = await self._ask(process, b"\1")
        if kind == PIXELS:
            return Image.frombytes("RGB", (SIDE, SIDE), told)
        return PhotoError(told.decode())

    async def end(self) -> None:
        """Kill the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        limits = self.limits
        command = [sys.executable, "-P", "-m", "showtell.serve.decode"]
        bounds = map(str, (limits.pixels, limits.decode_bytes, limits.decode_seconds))
        # It multiplies no matrices, and BLAS threads would only take memory
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, *bounds, stdin=pipe, stdout=pipe, env=environment)
        self._process = process  # so that it is killed if it fails to start
        async with asyncio.timeout(_START_S):
            kind, _ = await self._ask(process)
        assert kind == READY
        return process

    async def _ask(self, process: asyncio.subprocess.Process, *parts: bytes) -> tuple[bytes, bytes]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.writelines(parts)
        await process.stdin.drain()
        head = await process.stdout.readexactly(1 + LENGTH)
        return head[:1], await process.stdout.readexactly(int.from_bytes(head[1:], "big"))
