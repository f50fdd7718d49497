from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from showtell._util import console
from showtell._util.console import json_line, put, shown, tell
from showtell.errors import ShowtellError

SOURCES = str(Path(console.__file__).parents[2])
PROGRAM = "from showtell._util.console import *; keep_file_name_bytes(); put({!r})"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(st.text(st.characters(exclude_categories=())))
def test_shown_text_is_one_printable_line(text: str) -> None:
    line = shown(text)
    line.encode()
    assert len((line + ".").splitlines()) == 1
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line)


def test_what_is_shown() -> None:
    assert shown("größer ✓ \u00a0x") == "größer ✓ \u00a0x"
    assert shown("a\x1b]0;b\x07\n\udce9\u202e\ud83d\u2028") == r"a\x1b]0;b\x07\n\xe9\u202e\ud83d\u2028"


@given(st.dictionaries(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=()))))
def test_json_is_one_line_of_utf8_and_comes_back(entry: dict[str, str]) -> None:
    line = json_line(entry)
    line.encode()
    assert len(line.splitlines()) == 1
    # two halves of a character that stand beside each other are one character in JSON
    if all(json.loads(json.dumps(text)) == text for pair in entry.items() for text in pair):
        assert json.loads(line) == entry


def test_names_are_escaped_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for out, line in ((io.StringIO(), "a\x1b[31m\n"), (Terminal(), "a\\x1b[31m\n")):
        monkeypatch.setattr(sys, "stdout", out)
        put("a\x1b[31m")
        assert out.getvalue() == line


@pytest.mark.parametrize("encoding", ["utf-8:strict", "latin-1:strict", "ascii:strict"])
def test_a_name_is_its_bytes(encoding: str) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": SOURCES}
    program = PROGRAM.format("caf\udce9 \ud83d \u2713")
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=environment).stdout
    sign = "\u2713".encode() if encoding.startswith("utf-8") else rb"\u2713"
    assert out == b"caf\xe9 " + rb"\ud83d " + sign + os.linesep.encode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_a_full_disk_is_an_error_and_leaves_nothing_for_the_end() -> None:
    program = (
        PROGRAM.format("a line").replace("put", "\ntry:\n put") + "\nexcept ValueError as error:\n tell(str(error))"
    )
    with Path("/dev/full").open("wb") as full:
        environment = os.environ | {"PYTHONPATH": SOURCES}
        done = subprocess.run([sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, env=environment)
    assert done.returncode == 0
    assert done.stderr == b"showtell: standard output cannot be written to (No space left on device); free space\n"


def test_missing_streams_are_ignored(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    tell("nobody hears it")
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(sys, "stdout", None)
    put("nobody reads it")


def test_errors_of_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.StringIO):
        error: type[OSError] = OSError

        def flush(self) -> None:
            raise self.error(28, "No space left on device")

    monkeypatch.setattr(sys, "stderr", Broken())
    tell("the work goes on")
    monkeypatch.setattr(sys, "stdout", Broken())
    with pytest.raises(ShowtellError, match="No space left"):
        put("a line")
    monkeypatch.setattr(Broken, "error", BrokenPipeError)
    with pytest.raises(BrokenPipeError):
        put("a line")
