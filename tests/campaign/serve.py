"""A server under ten times the load that it can bear, with clients that are silent, half there, or send garbage."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from campaign.mutation import mutated
from campaign.photos import pictures
from campaign.tally import Tally

TIMES = 10
SILENT = 100
"""Clients that hold a connection, and say nothing or half of a request."""
GROWS_MB = 300
"""What the server and its decoders may take more than before: 256 MB of bodies that have arrived, and some."""
_ANSWERS_S = 90
_CLIENTS = 8
_REFUSALS = {400, 408, 413, 422, 503, 504}
_HALVES = (
    b"",
    b"G",
    b"POST /v1/captions HTTP/1.1\r\nHost: local",
    b"POST /v1/captions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999\r\n\r\n{",
    b"POST /v1/captions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
)


def campaign(folder: Path, seed: int, seconds: float) -> Tally:
    """Overload for so many seconds, the few in which the rate is measured not counted."""
    folder.mkdir(parents=True)
    tally = Tally("serve", f"requests, {TIMES} times as many as are borne")
    command = [sys.executable, "-m", "showtell", "serve", "--port", "0"]
    with (folder / "log").open("w+") as log, subprocess.Popen(command, stderr=log, stdout=log) as server:
        try:
            port = _port(folder / "log", server)
            asyncio.run(Load(tally, port, server.pid, random.Random(f"{seed} serve")).run(seconds))
        finally:
            server.terminate()
            status = server.wait(30)
    said = (folder / "log").read_text()
    if "Traceback" in said or len(said) > 10_000 or status not in (0, -signal.SIGTERM):
        tally.broken.append(f"exit status {status}, and the log says: {said[:2000]}")
    return tally


@dataclass
class Load:
    """Requests to a server.

    Attributes:
        tally: where they are counted.
        port: the server's.
        process: its number.
        rng: which photo is sent, and what is wrong with it.
        statuses: the answers, by their status.
    """

    tally: Tally
    port: int
    process: int
    rng: random.Random
    statuses: Counter[int] = field(default_factory=Counter)

    async def run(self, seconds: float) -> None:
        """Measure what is borne, then send ten times as much for so long."""
        photos = pictures()
        whole = request(photos[0])
        await asyncio.gather(*(self.ask(whole) for _ in range(_CLIENTS)))
        rate = await self._borne(whole)
        before = self.tally.most_mb = memory_mb(self.process)
        silent = [asyncio.create_task(self._hold(number)) for number in range(SILENT)]
        begin, asked = time.monotonic(), set[asyncio.Task[None]]()
        sent = 0
        while (now := time.monotonic() - begin) < seconds:
            while sent < now * rate * TIMES:
                body = whole if self.rng.random() < 0.8 else request(mutated(self.rng, self.rng.choice(photos), photos))
                asked.add(task := asyncio.create_task(self._count(body)))
                task.add_done_callback(asked.discard)
                sent += 1
            self.tally.most_mb = max(self.tally.most_mb, memory_mb(self.process))
            await asyncio.sleep(0.02)
        await asyncio.gather(*asked)
        for task in silent:
            task.cancel()
        await asyncio.sleep(2)
        if (status := await self.ask(whole)) != 200:
            self.tally.broken.append(f"afterwards a photo is answered with status {status}")
        if self.tally.most_mb > before + GROWS_MB:
            self.tally.broken.append(f"memory went from {before:.0f} to {self.tally.most_mb:.0f} MB")

    async def ask(self, sent: bytes) -> int:
        """The status of an answer; 0 if there is none."""
        try:
            async with asyncio.timeout(_ANSWERS_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    writer.write(sent)
                    answer = await reader.read()
                finally:
                    writer.close()
            status, (_, _, body) = int(answer[9:12]), answer.partition(b"\r\n\r\n")
            json.loads(body)
        except (OSError, TimeoutError, ValueError):
            return 0
        return status

    async def _count(self, sent: bytes) -> None:
        status = await self.ask(sent)
        if status == 200:
            self.tally.well += 1
        elif status in _REFUSALS:
            self.tally.refused += 1
        else:
            self.tally.broken.append(f"an answer of status {status}" if status else "no answer, or half of one")

    async def _borne(self, sent: bytes) -> float:
        """Requests a second when each client waits for its answer."""
        end, done = time.monotonic() + 5, 0

        async def client() -> None:
            nonlocal done
            while time.monotonic() < end:
                done += await self.ask(sent) == 200

        await asyncio.gather(*(client() for _ in range(_CLIENTS)))
        return done / 5

    async def _hold(self, number: int) -> None:
        """Hold a connection again and again, with a part of a request or none."""
        half = _HALVES[number % len(_HALVES)]
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(half)
                try:
                    await reader.read()
                finally:
                    writer.close()
            except OSError:
                pass
            await asyncio.sleep(0.5)


def request(photo: bytes) -> bytes:
    """A photo in a form, on a connection of its own."""
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n\r\n'
    body = head + photo + b"\r\n--b--\r\n"
    return (
        "POST /v1/captions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def memory_mb(process: int) -> float:
    """What a process and those that it began hold."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    pages = 0
    for number in (str(process), *children):
        try:
            pages += int(Path(f"/proc/{number}/statm").read_text().split()[1])
        except FileNotFoundError:  # ended meanwhile
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _port(log: Path, server: subprocess.Popen[bytes]) -> int:
    while server.poll() is None:
        if found := re.search(r"http://[\w.]+:(\d+)", log.read_text()):
            return int(found[1])
        time.sleep(0.1)
    raise RuntimeError(f"the server did not begin: {log.read_text()}")
