"""Progress reports on stderr: a bar on a terminal, occasional lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Protocol

from showtell._util.console import note

_LINE_SECONDS = 30.0


class Report(Protocol):
    """Reports progress, with an optional note such as the loss."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Show that `done` of `total` are done."""


@contextmanager
def bar(what: str, *, quiet: bool = False) -> Iterator[Report]:
    """Show the progress of `what`, whose last word is the unit, as in `encoding photos`.

    Yields the function to call with `(done, total)`. On a terminal there is a bar with the speed and the time
    left. Otherwise there is a line every 30 seconds and one at the end.
    Nothing is shown if `quiet`, or if nothing is ever reported.
    """
    if quiet:
        yield lambda done, total, note="": None
        return
    with _terminal_bar(what) if sys.stderr is not None and sys.stderr.isatty() else _log_lines() as show:
        pace = _pace(what.split()[-1])

        def report(done: int, total: int, note: str = "") -> None:
            words = [f"{what} {done:,}/{total:,}", pace(done, total), note]
            show(done, total, ", ".join(filter(None, words)))

        yield report


def no_bar(what: str) -> AbstractContextManager[Report]:
    """Show nothing: for callers that give no bar."""
    return bar(what, quiet=True)


_Show = Callable[[int, int, str], None]


@contextmanager
def _terminal_bar(what: str) -> Iterator[_Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = BarColumn(bar_width=24), TextColumn("{task.description}", markup=False)
    # do not redirect output that goes to a file or a pipe
    above = sys.stdout is not None and sys.stdout.isatty()
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=above) as progress:
        task = progress.add_task(what, total=None, visible=False)
        yield lambda done, total, line: progress.update(
            task, completed=done, total=total, description=line, visible=True
        )


@contextmanager
def _log_lines() -> Iterator[_Show]:
    last_time = time.monotonic()
    unprinted = ""

    def show(done: int, total: int, line: str) -> None:
        nonlocal last_time, unprinted
        unprinted = line
        if time.monotonic() - last_time >= _LINE_SECONDS:
            note(line)
            last_time = time.monotonic()
            unprinted = ""

    try:
        yield show
    finally:
        if unprinted:
            note(unprinted)


def _pace(unit: str) -> Callable[[int, int], str]:
    """Return a function that formats the speed and the remaining time."""
    first: tuple[int, float] | None = None

    def pace(done: int, total: int) -> str:
        nonlocal first
        now = time.monotonic()
        if first is None:
            first = done, now
        seconds = now - first[1]
        if done == first[0] or seconds == 0:
            return ""
        speed = (done - first[0]) / seconds
        clock = f"{timedelta(seconds=round((total - done) / speed))} left"
        if done >= total:
            clock = f"took {timedelta(seconds=round(seconds))}"
        return f"{speed:,.{0 if speed >= 9.95 else 1}f} {unit}/s, {clock}"

    return pace
