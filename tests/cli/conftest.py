from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from showtell.captioning.captioner import Captioner
from showtell.cli import main


@dataclass(frozen=True)
class Result:
    """What a command line did: its exit status, and what it wrote."""

    status: int
    out: str
    err: str


@pytest.fixture
def showtell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run `showtell` with these words, in this process."""

    def run(*words: object, stdin: str | bytes = "") -> Result:
        monkeypatch.setattr(sys, "argv", ["showtell", *map(str, words)])
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        status = 0
        try:
            main()
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        written = capsys.readouterr()
        return Result(status, written.out, written.err)

    return run


@pytest.fixture
def model(captioner: Captioner, tmp_path: Path) -> Path:
    """The file of a small captioner."""
    captioner.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"
