from __future__ import annotations

import contextlib
import io
import sys

import pytest

from showtell._util import progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("showtell._util.progress.time.monotonic", clock)
    return clock


def test_a_log_gets_a_line_now_and_then_and_one_at_the_end(clock, capsys) -> None:
    with progress.bar("encoding photos") as report:
        for done in range(1, 1001):
            clock.now += 0.125
            report(done, 1000, note="loss 2.5" if done > 999 else "")
    assert capsys.readouterr().err.splitlines() == [
        "encoding photos 240/1,000, 8.0 photos/s, 0:01:35 left",
        "encoding photos 480/1,000, 8.0 photos/s, 0:01:05 left",
        "encoding photos 720/1,000, 8.0 photos/s, 0:00:35 left",
        "encoding photos 960/1,000, 8.0 photos/s, 0:00:05 left",
        "encoding photos 1,000/1,000, 8.0 photos/s, took 0:02:05, loss 2.5",
    ]


def test_speed_counts_this_run_only(clock, capsys) -> None:
    with progress.bar("training steps") as report:
        report(5000, 5010)
        clock.now += 4
        report(5002, 5010)
    assert capsys.readouterr().err == "training steps 5,002/5,010, 0.5 steps/s, 0:00:16 left\n"


def test_an_error_leaves_the_last_line(clock, capsys) -> None:
    with contextlib.suppress(RuntimeError), progress.bar("encoding photos") as report:
        report(1, 3)
        raise RuntimeError
    assert capsys.readouterr().err == "encoding photos 1/3\n"


def test_quiet_and_idle_bars_print_nothing(capsys) -> None:
    with progress.bar("encoding photos", quiet=True) as report:
        report(1, 2)
    with progress.bar("encoding photos"):
        pass
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_on_stderr(clock, monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress.bar("encoding photos") as report:
        report(1, 4)
        clock.now += 1
        report(4, 4, note="[b]done")
    shown = sys.stderr.getvalue()
    assert "━" in shown
    assert "encoding photos 4/4, 3.0 photos/s, took 0:00:01, [b]done" in shown
    assert capsys.readouterr().out == ""
