from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from conftest import PHOTOS
from showtell.captioning.captioner import Captioner

PHOTO = PHOTOS / "chelsea.png"


@pytest.fixture
def model(captioner: Captioner, tmp_path: Path) -> Path:
    """The file of a small captioner of few words, as a picture has a row for each."""
    captioner.max_words = 2
    captioner.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


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


def test_no_file_is_written_over_that_showtell_did_not_draw(showtell, model: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    photo = Path(shutil.copy(PHOTO, "cat.png"))
    Path("link.png").symlink_to("cat.png")
    os.link("cat.png", "hard.png")
    Path("letter.svg").write_text("<svg/>")
    for output in ("cat.png", "./cat.png", "link.png", "hard.png", "letter.svg"):
        before = Path(output).read_bytes()
        result = showtell("explain", photo, "--model", model, "-o", output)
        assert (result.status, result.out, result.err.count("\n")) == (1, "", 1)
        assert "name another file" in result.err
        assert Path(output).read_bytes() == before
    result = showtell("explain", photo, "--model", model, "-o", "none/why.png")
    assert (result.status, result.out) == (1, "")
    assert "none/why.png: there is no folder none; make it" in result.err


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_a_picture_that_was_drawn_may_be_drawn_again(showtell, model: Path, tmp_path: Path, suffix: str) -> None:
    for _ in range(2):
        assert showtell("explain", PHOTO, "--model", model, "-o", tmp_path / f"why{suffix}").status == 0


@pytest.mark.slow
def test_default_name_replaces_nothing(showtell, model: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert showtell("explain", PHOTO, "--model", model).status == 0
    before = Path("chelsea.explained.png").read_bytes()
    result = showtell("explain", PHOTO, "--model", model)
    assert (result.status, result.out) == (1, "")
    assert "chelsea.explained.png: already exists; remove it, or name the picture with --output" in result.err
    assert Path("chelsea.explained.png").read_bytes() == before
