from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from campaign import workers
from campaign.tally import Tally, table
from campaign.workers import Case, Outcome, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are bounded as on Linux")


def prepare(folder: Path, seed: int) -> Case:
    def case(number: int) -> Outcome:
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 4:
            raise ValueError("neither a photo nor a refusal")
        if number == 6:
            bytearray(2 * workers.MEMORY_BYTES)
        return "well" if number % 3 else "refused"

    return case


def cannot(folder: Path, seed: int) -> Case:
    raise RuntimeError("no case")


@pytest.mark.slow
def test_crashes_errors_and_memory_are_seen_and_the_next_cases_done(tmp_path: Path) -> None:
    tally = run(
        Tally("here", "cases"),
        prepare,
        tmp_path,
        0,
        600,
        enough=lambda tally: len(tally.broken) == 3 and tally.well > 3,
    )
    assert sorted(what.partition(":")[0] for what in tally.broken) == ["here 3", "here 4", "here 6"]
    told = dict(what.split(": ", 1) for what in tally.broken)
    assert told["here 3"] == "the process ended: by signal 9"
    assert "ValueError: neither a photo nor a refusal" in told["here 4"]
    assert "MemoryError" in told["here 6"]
    assert tally.refused
    assert f"| cases | {tally.cases:,} | {tally.well:,} | {tally.refused:,} | 3 |" in table([tally])


@pytest.mark.slow
def test_cases_that_cannot_be_made_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="nothing could be prepared"):
        run(Tally("here", "cases"), cannot, tmp_path, 0, 1)
