from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from showtell.captioning.captioner import Captioner
from showtell.cli import main
from showtell.vision.encoder import Encoder


@dataclass(frozen=True)
class Result:
    """What a command line did: its exit status, and what it wrote."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="module", autouse=True)
def one_session() -> Iterator[None]:
    """Each command loads the network anew, which takes longer than to encode some photos: here it is the same one."""
    make = Encoder.__dict__["_session"].func
    made: dict[str, object] = {}

    def session(self: Encoder) -> object:
        if self.identity not in made:
            made[self.identity] = make(self)
        return made[self.identity]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Encoder, "_session", property(session))
        yield


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
