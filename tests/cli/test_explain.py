from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from conftest import PHOTOS

PHOTO = PHOTOS / "chelsea.png"


@pytest.mark.slow
def test_a_sheet_is_drawn_here(showtell, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    result = showtell("explain", PHOTO, "--model", model)
    assert result.status == 0
    assert result.out.endswith(".\n")
    assert "chelsea.explained.png" in result.err
    (drawn,) = Path().iterdir()
    assert drawn.name == "chelsea.explained.png"
    with Image.open(drawn) as picture:
        assert picture.width == 1320


def test_numbers_without_a_picture(showtell, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    told = json.loads(showtell("explain", PHOTO, "--model", model, "--json").out)
    assert told["file"] == str(PHOTO)
    assert told["steps"][0]["runners_up"]
    assert not list(Path().iterdir())


@pytest.mark.slow
def test_numbers_and_a_picture(showtell, model: Path, tmp_path: Path) -> None:
    told = json.loads(showtell("explain", PHOTO, "--model", model, "--json", "-o", tmp_path / "why.svg").out)
    assert told["caption"]["caption"]
    assert b"<svg" in (tmp_path / "why.svg").read_bytes()


def test_what_cannot_be_done_is_said(showtell, model: Path, tmp_path: Path) -> None:
    result = showtell("explain", PHOTO, "--model", model, "-o", tmp_path / "why.gif")
    assert result.status == 1
    assert "ends in .png" in result.err
    result = showtell("explain", tmp_path / "none.jpg", "--model", model)
    assert result.status == 1
    assert "none.jpg: no such file" in result.err
