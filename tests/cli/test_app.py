from __future__ import annotations

import subprocess
import sys

import pytest

import showtell as package


@pytest.mark.parametrize("command", ["caption", "alt", "train", "evaluate", "compare", "score", "serve", "info"])
def test_every_command_explains_itself_with_an_example(showtell, command: str) -> None:
    result = showtell(command, "--help")
    assert result.status == 0
    assert f"Example: showtell {command}" in " ".join(result.out.split())


def test_version_and_commands(showtell) -> None:
    assert showtell("--version").out == f"showtell {package.__version__}\n"
    commands = showtell("--help").out
    assert all(command in commands for command in ("caption", "train", "evaluate", "compare", "score", "info"))


def test_a_word_too_many_is_a_usage_error(showtell) -> None:
    assert showtell("draw").status == 2


def test_the_import_loads_nothing_heavy() -> None:
    code = "import sys, showtell; print([m for m in ('numpy', 'PIL', 'onnxruntime', 'rich') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_the_commands_load_nothing_heavy() -> None:
    code = "import sys, showtell.cli.app; print([m for m in ('numpy', 'PIL', 'onnxruntime') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_every_public_name_is_there() -> None:
    for name in package.__all__:
        assert getattr(package, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'paint'"):
        package.paint  # noqa: B018
