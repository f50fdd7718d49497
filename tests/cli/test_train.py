from __future__ import annotations

from pathlib import Path

import pytest

from showtell.training.recipe import Recipe

SMALL = ["--hidden-dim", 16, "--epochs", 1, "--batch-size", 8]


@pytest.mark.slow
def test_a_captioner_of_ones_own(showtell, drawn: Path, stored: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.toml").write_text("min_count = 1\nembed_dim = 8\nseed = 3\n")
    words = ["train", drawn, "--recipe", "recipe.toml", "--cell", "gru", "--seed", 4, *SMALL, "--features", stored]
    result = showtell(*words)
    folder = Path("runs") / f"{drawn.name}-gru"
    assert result.status == 0
    assert "epoch 1: loss" in result.out
    assert result.out.splitlines()[-1].startswith("best: epoch 1, CIDEr-D ")
    recipe = Recipe.read(folder / "recipe.toml")
    assert (recipe.cell, recipe.embed_dim, recipe.seed, recipe.hidden_dim) == ("gru", 8, 4, 16)
    assert "going on with the run" in showtell(*words).out
    photo = drawn / "images" / "00000.png"
    assert showtell("caption", photo, "--model", folder).out == showtell("caption", photo, "-m", folder).out != ""


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["missing"], "missing: no such file or folder"),
        (["DRAWN", "--cell", "transformer"], "cell is 'transformer'"),
        (["DRAWN", "--dropout", "1"], "dropout is 1.0"),
    ],
)
def test_an_error_is_one_line(showtell, drawn: Path, tmp_path: Path, words: list[object], named: str) -> None:
    words = [drawn if word == "DRAWN" else word for word in words]
    result = showtell("train", *words, "--run", tmp_path / "run", "--features", tmp_path / "features")
    assert result.status == 1
    assert result.err.count("\n") == 1
    assert named in result.err
    assert not (tmp_path / "run").exists()
