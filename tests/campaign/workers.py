"""Cases by their numbers, in processes of their own, which are watched: a bound on memory, and one on time."""

from __future__ import annotations

import multiprocessing
import os
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal

from campaign.tally import Tally

HANGS_S = 300
"""A case that takes longer hangs."""
MEMORY_BYTES = 6 * 2**30
"""Of addresses, which a process may have: a photo takes 1.5 GB, and maps of files and libraries count too."""

Outcome = Literal["well", "refused"]
Case = Callable[[int], Outcome]
"""Does the case of a number; whatever it raises breaks."""
Prepare = Callable[[Path, int], Case]
"""Makes the cases of a seed, with a folder of its own; it must be a function of a module."""


class _Worker:
    """A process that does every `step`-th case from `first` on."""

    def __init__(self, prepare: Prepare, folder: Path, seed: int, first: int, step: int, bounded: bool) -> None:
        self.first, self.step, self.folder = first, step, folder
        folder.mkdir(parents=True, exist_ok=True)
        context = multiprocessing.get_context("spawn")
        self.results, theirs = context.Pipe(duplex=False)
        words = (prepare, folder, seed, first, step, bounded, theirs)
        self.process: BaseProcess = context.Process(target=_work, args=words, daemon=True)
        self.process.start()
        theirs.close()
        self.number, self.heard = first, time.monotonic()

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.results.close()


def run(
    tally: Tally,
    prepare: Prepare,
    folder: Path,
    seed: int,
    seconds: float,
    *,
    bounded: bool = True,
    enough: Callable[[Tally], bool] = lambda tally: False,
) -> Tally:
    """Do cases for so long, and count them.

    Args:
        tally: where they are counted.
        prepare: makes the cases.
        folder: where the workers' folders are made.
        seed: of all randomness; with the number of a case it says what the case is.
        seconds: for how long, the preparations not counted.
        bounded: whether memory is.
        enough: whether it may end before.
    """
    count = os.cpu_count() or 1
    workers = [_Worker(prepare, folder / str(n), seed, n, count, bounded) for n in range(count)]
    ready: set[int] = set()
    end = None
    while not enough(tally) and (end is None or time.monotonic() < end):
        heard = wait([worker.results for worker in workers], timeout=1)
        for place, worker in enumerate(workers):
            broken = ""
            if worker.results in heard:
                try:
                    number, outcome, memory_mb = worker.results.recv()
                except (EOFError, OSError):
                    worker.process.join()
                    broken = f"the process ended: {_how(worker.process.exitcode)}"
                else:
                    worker.heard = time.monotonic()
                    tally.most_mb = max(tally.most_mb, memory_mb)
                    if number is None:
                        ready.add(place)
                        continue
                    worker.number = number + count
                    tally.well += outcome == "well"
                    tally.refused += outcome == "refused"
                    if outcome not in ("well", "refused"):
                        tally.broken.append(f"{tally.part} {number}: {outcome}")
            elif time.monotonic() - worker.heard > HANGS_S:
                broken = f"it took more than {HANGS_S} seconds"
            if broken:
                if place not in ready and end is None:
                    raise RuntimeError(f"{tally.part}: nothing could be prepared: {broken}")
                tally.broken.append(f"{tally.part} {worker.number}: {broken}")
                worker.stop()
                workers[place] = _Worker(prepare, worker.folder, seed, worker.number + count, count, bounded)
        if end is None and len(ready) == count:
            end = time.monotonic() + seconds
    for worker in workers:
        worker.stop()
    return tally


def _how(status: int | None) -> str:
    return f"by signal {-status}" if status is not None and status < 0 else f"with status {status}"


def _work(prepare: Prepare, folder: Path, seed: int, first: int, step: int, bounded: bool, results: Connection) -> None:
    import resource

    if bounded:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def most_mb() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    # what libtiff, for example, has to say of a photo
    os.dup2(os.open(folder / "stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    case = prepare(folder, seed)
    results.send((None, "", most_mb()))
    number = first
    while True:
        try:
            outcome: str = case(number)
        except BaseException:  # a SystemExit too is nothing that a case should end with
            outcome = traceback.format_exc()
        results.send((number, outcome, most_mb()))
        number += step
