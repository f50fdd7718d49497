"""The tutorial's commands work, one after the other, from an empty folder.

The files that it asks for are written, and the commands of its `console` blocks are run, as they stand, but on fewer
drawings and for fewer epochs. What installs is in `sh` blocks, and is left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

import showtell

pytestmark = pytest.mark.docs

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
LESS = (('"drawings", 1000,', '"drawings", 80,'), ("epochs = 12", "epochs = 1"))
FILE = re.compile(r"`([\w.]+)`:\n\n```(?:toml|py)\n(.*?)```", re.DOTALL)
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def in_small(text: str) -> str:
    for much, little in LESS:
        text = text.replace(much, little)
    return text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder but for the clone, of which only the photos are looked at, and the files to be written."""
    shutil.copytree(ROOT / "tests" / "photos", tmp_path / "showtell" / "tests" / "photos")
    for name, content in FILE.findall(TUTORIAL):
        (tmp_path / name).write_text(in_small(content), encoding="utf-8")
    return tmp_path


def test_shortened_settings_are_in_the_tutorial() -> None:
    assert all(TUTORIAL.count(much) == 1 for much, _ in LESS)


@pytest.mark.slow
def test_the_commands_work(folder: Path) -> None:
    env = os.environ | {
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]),
        "PYTHONPATH": str(Path(showtell.__file__).parents[1]),  # the showtell that is tested, wherever it lies
    }
    commands = [
        line.removeprefix("$ ")
        for block in CONSOLE.findall(TUTORIAL)
        for line in block.splitlines()
        if line.startswith("$ ")
    ]
    assert len(commands) > 10
    for command in map(in_small, commands):
        done = subprocess.run(command, shell=True, cwd=folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
