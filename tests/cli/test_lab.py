from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from showtell.lab.check import ALL_CASES
from showtell.nn import functional

SMALL = ("--steps", 5, "--hidden", 4)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A case of each part is enough to see the command work."""
    first = {case.part: case for case in reversed(ALL_CASES)}
    monkeypatch.setattr("showtell.lab.check.ALL_CASES", tuple(first.values()))


@pytest.mark.parametrize("command", ["gradients", "check"])
def test_each_experiment_explains_itself_with_an_example(showtell, command: str) -> None:
    result = showtell("lab", command, "--help")
    assert result.status == 0
    assert f"Example: showtell lab {command}" in " ".join(result.out.split())


@pytest.mark.slow
def test_a_table_and_a_picture(showtell, here: Path) -> None:
    result = showtell("lab", "gradients", *SMALL)
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("steps back in time")
    assert "LSTM, orthogonal, forget bias 3" in result.out
    assert (here / "gradients.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_numbers_alone(showtell, here: Path) -> None:
    found = json.loads(showtell("lab", "gradients", *SMALL, "--json", "--seed", 3).out)
    assert (found["steps"], found["hidden"], found["seed"]) == (5, 4, 3)
    assert all(len(network["median"]) == 6 for network in found["networks"])
    assert not list(here.iterdir())
    showtell("lab", "gradients", *SMALL, "--json", "-o", "g.svg")
    assert [path.name for path in here.iterdir()] == ["g.svg"]


def test_no_picture_is_written_over(showtell, here: Path) -> None:
    (here / "gradients.png").write_bytes(b"mine")
    for words in ((), ("-o", "gradients.png"), ("-o", "none/g.png")):
        result = showtell("lab", "gradients", *SMALL, *words)
        assert (result.status, result.out, result.err.count("\n")) == (1, "", 1)
    assert (here / "gradients.png").read_bytes() == b"mine"


def test_unsupported_format_is_refused_before_the_work(showtell) -> None:
    result = showtell("lab", "gradients", "-o", "g.gif")
    assert (result.status, result.out) == (1, "")
    assert "g.gif: a picture is PNG, SVG or PDF" in result.err


@pytest.mark.usefixtures("few")
@pytest.mark.slow
def test_correct_gradient_passes(showtell) -> None:
    result = showtell("lab", "check", "--quiet")
    assert (result.status, result.err) == (0, "")
    heads, *lines = result.out.splitlines()
    assert heads.split()[:2] == ["cases", "numpy"]
    assert all(line.endswith("pass") for line in lines)
    found = json.loads(showtell("lab", "check", "-q", "--json").out)
    assert found["passed"]
    assert {part["part"] for part in found["parts"]} == {case.part for case in ALL_CASES}


@pytest.mark.usefixtures("few")
@pytest.mark.slow
def test_a_broken_backward_is_reported(showtell, monkeypatch: pytest.MonkeyPatch) -> None:
    right = functional.gru_backward
    monkeypatch.setattr(functional, "gru_backward", lambda dh, cache: tuple(2 * grad for grad in right(dh, cache)))
    result = showtell("lab", "check", "-q")
    assert result.status == 1
    assert "FAIL gru, numpy: gru-N3T5D4H6: " in result.out
    assert "finite differences" in result.out
    assert not json.loads(showtell("lab", "check", "-q", "--json").out)["passed"]


def test_the_command_needs_no_pytest_and_the_help_nothing_heavy() -> None:
    code = (
        "import sys; import showtell.cli.lab; print('numpy' in sys.modules); "
        "import showtell.lab.check, showtell.lab.flow_picture; print('pytest' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\nFalse\n"
