"""A server under ten times the load that it can bear: how long accepted requests take, and what becomes of others.

`python benchmarks/serving.py [PHOTO] [--json]`: starts `showtell serve` on a free port, measures how many requests a
second it answers when eight clients take turns, then sends ten times as many for 20 seconds, each on a connection of
its own, without waiting for answers. The load is made by the same machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from memory import memory_mb

SECONDS, CLIENTS, TIMES = 20, 8, 10
PHOTO = Path(__file__).parents[1] / "tests" / "photos" / "rocket.jpg"
HANGS_S = 60


async def ask(port: int, request: bytes) -> tuple[int, float]:
    """The status of one answer, 0 if there is none, and the seconds until it was there."""
    start, status = time.perf_counter(), 0
    try:
        async with asyncio.timeout(HANGS_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            answer = await reader.read()
            status = int(answer[9:12])
            writer.close()
    except (OSError, TimeoutError, ValueError):
        pass
    return status, time.perf_counter() - start


async def sustainable(port: int, request: bytes) -> float:
    """Requests a second when each client waits for its answer."""
    end, done = time.perf_counter() + 5, 0

    async def client() -> None:
        nonlocal done
        while time.perf_counter() < end:
            status, _ = await ask(port, request)
            done += status == 200

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return done / 5


async def measure(port: int, process: int, request: bytes) -> dict[str, float]:
    await asyncio.gather(*(ask(port, request) for _ in range(CLIENTS)))
    rate = await sustainable(port, request)
    before, start, asked = memory_mb(process), time.perf_counter(), []
    most = before
    while (now := time.perf_counter() - start) < SECONDS:
        while len(asked) < now * rate * TIMES:
            asked.append(asyncio.create_task(ask(port, request)))
        most = max(most, memory_mb(process))
        await asyncio.sleep(0.005)
    answers = await asyncio.gather(*asked)
    taken = sorted(seconds for status, seconds in answers if status == 200)
    refused = sorted(seconds for status, seconds in answers if status == 503)
    later, _ = await ask(port, request)
    return {
        "sustainable requests a second": rate,
        "sent a second": len(answers) / SECONDS,
        "accepted a second": len(taken) / SECONDS,
        "accepted, p50 s": taken[len(taken) // 2],
        "accepted, p99 s": taken[int(0.99 * len(taken))],
        "refused (503)": len(refused),
        "refused, p50 s": refused[len(refused) // 2] if refused else 0.0,
        "refused, p99 s": refused[int(0.99 * len(refused))] if refused else 0.0,
        "other answers, or none": len(answers) - len(taken) - len(refused),
        "memory before, MB": before,
        "memory at most, MB": most,
        "status afterwards": later,
    }


def main() -> None:
    given = [word for word in sys.argv[1:] if not word.startswith("-")]
    photo = Path(given[0] if given else PHOTO).read_bytes()
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n\r\n'
    body = head + photo + b"\r\n--b--\r\n"
    request = (
        "POST /v1/captions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    command = [sys.executable, "-c", "from showtell.cli import main; main()", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            port = int(re.search(r"http://127.0.0.1:(\d+)", server.stderr.readline())[1])
            found = asyncio.run(measure(port, server.pid, request))
        finally:
            server.terminate()
    if "--json" in sys.argv:
        print(json.dumps(found))
        return
    print(f"a photo of {len(photo):,} bytes, {os.cpu_count()} cores\n")
    for what, value in found.items():
        print(f"| {what:30} | {value:8.3f} |" if isinstance(value, float) else f"| {what:30} | {value:8,} |")


if __name__ == "__main__":
    main()
