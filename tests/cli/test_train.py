from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from msgspec import structs

from showtell.captioning.captioner import load
from showtell.captioning.model_file import SHIPPED
from showtell.cli.model import load_encoder
from showtell.errors import ModelError, ShowtellError
from showtell.training.folder import BEST
from showtell.training.recipe import SETTINGS, Recipe
from showtell.vision.encoder import Encoder

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
    assert "resuming the run" in showtell(*words).out
    photo = drawn / "images" / "00000.png"
    assert showtell("caption", photo, "--model", folder).out == showtell("caption", photo, "-m", folder).out != ""


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["missing"], "missing: no such file or folder"),
        (["DRAWN", "--cell", "transformer"], "cell is 'transformer'"),
        (["DRAWN", "--dropout", "1"], "recipe: dropout is 1.0, expected a number, at least 0 and below 1"),
        (["DRAWN", "--hidden-dim", "200000"], "hidden_dim is 200000, expected a whole number, at least 1 and at most"),
        (["DRAWN", "--recipe", "missing.toml"], "cannot read missing.toml"),
    ],
)
def test_an_error_is_one_line(showtell, drawn: Path, tmp_path: Path, words: list[object], named: str) -> None:
    words = [drawn if word == "DRAWN" else word for word in words]
    result = showtell("train", *words, "--run", tmp_path / "run", "--features", tmp_path / "features")
    assert result.status == 1
    assert result.err.count("\n") == 1
    assert named in result.err
    assert not (tmp_path / "run").exists()


def test_every_setting_of_a_recipe_is_an_option(showtell, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = showtell("train", "--help").out
    for setting in SETTINGS.values():
        assert f"--{setting.name.replace('_', '-')} " in shown
        assert setting.description in shown
    assert shown.index("Model") < shown.index("Optimisation") < shown.index("Decoding")


def test_encoder_comes_from_a_file_of_it_or_of_a_captioner(tmp_path: Path) -> None:
    assert load_encoder(None) is None
    shipped = Encoder()
    (tmp_path / "mine.onnx").write_bytes(shipped.model)
    own = load_encoder(tmp_path / "mine.onnx")
    assert own is not None
    assert (own.model, own.ships) == (shipped.model, False)
    bundled = load_encoder(SHIPPED)
    assert bundled is not None
    assert bundled.identity == load().encoder_identity
    with pytest.raises(ModelError, match="missing"):
        load_encoder(tmp_path / "missing.onnx")


def test_what_is_said_goes_over_the_file_and_a_default_does_not(showtell, tmp_path: Path, monkeypatch) -> None:
    given = []

    def stop(datasets: list[Path], recipe: Recipe, folder: Path, **options: object) -> None:
        given.append((recipe, folder))
        raise ShowtellError("stopped")

    monkeypatch.setattr("showtell.training.run.train", stop)
    (tmp_path / "recipe.toml").write_text("epochs = 3\nheads = 4\ntune_encoder = true\nlearning_rate = 1\n")
    words = ["train", "photos", "--recipe", tmp_path / "recipe.toml"]
    showtell(*words)
    showtell(
        *words, "--epochs", SETTINGS["epochs"].default, "--no-tune-encoder", "--scst-rate", "1e-4", "--cell", "rnn"
    )
    from_file = Recipe(epochs=3, heads=4, tune_encoder=True, learning_rate=1.0)
    said = structs.replace(from_file, epochs=8, tune_encoder=False, scst_rate=1e-4, cell="rnn")
    assert given == [(from_file, Path("runs/photos-lstm")), (said, Path("runs/photos-rnn"))]


def test_the_run_s_folder_has_the_data_set_s_whole_name(showtell, drawn: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders: list[Path] = []

    def train(datasets: object, recipe: object, folder: Path, **others: object) -> None:
        folders.append(folder)
        raise ShowtellError("seen")

    monkeypatch.setattr("showtell.training.run.train", train)
    shutil.copytree(drawn, tmp_path / "birds.v1")
    for source in ("birds.v1", "birds.v1/captions.csv"):
        showtell("train", source)
    assert folders == [Path("runs/birds.v1-lstm"), Path("runs/captions-lstm")]


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_same_command_goes_on(
    showtell, drawn: Path, stored: Path, tmp_path: Path, monkeypatch
) -> None:
    words = ["train", drawn, "--min-count", 1, "--embed-dim", 8, *SMALL, "--features", stored, "--quiet"]

    def full(descriptor: int) -> None:
        if (tmp_path / "run" / BEST).exists():  # the captioner, or the checkpoint
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    whole = showtell(*words, "--run", tmp_path / "whole")
    assert whole.status == 0
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        result = showtell(*words, "--run", tmp_path / "run")
    assert result.status == 1
    assert result.err.count("\n") == 1
    assert os.strerror(errno.ENOSPC) in result.err
    assert "safetensors: cannot be read or written" in result.err
    assert not list((tmp_path / "run").glob("*.part"))
    assert showtell(*words, "--run", tmp_path / "run").status == 0
    assert (tmp_path / "run" / BEST).read_bytes() == (tmp_path / "whole" / BEST).read_bytes()


def test_a_cluster_needs_shards(showtell, drawn: Path, tmp_path: Path) -> None:
    result = showtell("train", drawn, "--run", tmp_path / "run", "--ray", "local")
    assert result.status == 1
    assert "--ray spreads the shards of a batch, and there is one; add --shards 8" in result.err
    assert not (tmp_path / "run").exists()
