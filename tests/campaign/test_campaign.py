from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("kills", "photos", "parsers", "files", "serve", "layers")


def campaign(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.campaign", *words],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are bounded as on Linux")
def test_a_short_campaign_breaks_nothing() -> None:
    done = campaign("--minutes", "0.3", "--seed", "1")
    assert done.returncode == 0, done.stderr
    _, _, *rows = done.stdout.splitlines()
    assert len(rows) == len(PARTS)
    for row in rows:
        what, cases, well, _, broken = row.strip("| ").split(" | ")[:5]
        assert int(cases.replace(",", "")) > 0, what
        assert int(well.replace(",", "")) > 0, what
        assert broken == "0", what


@pytest.mark.parametrize("words", [["--minutes", "1", "--parts", "dogs"], []])
def test_what_is_asked_wrongly_is_refused(words: list[str]) -> None:
    done = campaign(*words)
    assert done.returncode == 2
    assert "error:" in done.stderr
