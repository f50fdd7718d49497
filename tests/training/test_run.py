from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from msgspec import structs

from showtell.captioning.captioner import Captioner
from showtell.captioning.model_file import SHIPPED
from showtell.cli.model import load_encoder
from showtell.errors import ShowtellError
from showtell.training.folder import BEST, CHECKPOINT, CURVE, LOCK, METRICS, PROBLEMS, RECIPE, RUN, exclusive_run
from showtell.training.recipe import Recipe
from showtell.training.run import train

pytestmark = pytest.mark.slow  # a whole run, photos and all

RECIPE_USED = Recipe(
    embed_dim=8,
    hidden_dim=16,
    attention_dim=12,
    heads=2,
    epochs=1,
    scst_epochs=1,
    batch_size=8,
    min_count=1,
    max_words=8,
)


@pytest.fixture(scope="module")
def data(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawings, with one that is broken and one that is missing."""
    folder = tmp_path_factory.mktemp("data") / "drawings"
    shutil.copytree(drawn, folder)
    (folder / "images" / "00003.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (folder / "images" / "00004.png").unlink()
    return folder


@pytest.fixture(scope="module")
def run(data: Path, stored: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(data, RECIPE_USED, folder, features=stored)
    return folder


def test_the_folder_holds_what_is_needed_to_repeat_the_run(run: Path) -> None:
    assert Recipe.read(run / RECIPE) == RECIPE_USED
    facts = json.loads((run / RUN).read_text())
    assert facts.keys() >= {"data", "datasets", "encoder", "command", "showtell", "python", "numpy"}
    assert len((run / METRICS).read_text().splitlines()) == 2
    assert (run / CURVE).read_bytes().startswith(b"\x89PNG")


def test_everything_dropped_is_a_problem(run: Path) -> None:
    problems = [json.loads(line) for line in (run / PROBLEMS).read_text().splitlines()]
    found = {(problem["kind"], Path(problem["name"]).name) for problem in problems}
    assert found == {("missing photo", "00004.png"), ("unreadable photo", "00003.png")}


def test_the_captioner_works_on_its_own(run: Path, data: Path) -> None:
    captioner = Captioner.load(run / BEST)
    assert captioner.caption(data / "images" / "00000.png").text.endswith(".")
    assert captioner.about["trained on"] == "drawings, split train"
    assert captioner.max_words == 8


def test_the_same_command_goes_on_or_does_nothing(run: Path, data: Path, stored: Path) -> None:
    before = (run / BEST).read_bytes()
    lines: list[str] = []
    assert train(data, RECIPE_USED, run, features=stored, say=lines.append).finished
    assert f"resuming the run in {run}" in lines
    assert (run / BEST).read_bytes() == before


def test_another_recipe_in_the_same_folder_is_an_error(run: Path, data: Path, stored: Path) -> None:
    with pytest.raises(ShowtellError, match=r"another recipe \(seed 0 -> 5\).*--run"):
        train(data, structs.replace(RECIPE_USED, seed=5), run, features=stored)


def test_other_data_in_the_same_folder_is_an_error(run: Path, data: Path, stored: Path, tmp_path: Path) -> None:
    other = tmp_path / "drawings"
    shutil.copytree(data, other)
    table = (other / "captions.csv").read_text()
    (other / "captions.csv").write_text(table.replace("circle", "disc"))
    with pytest.raises(ShowtellError, match="other data"):
        train(other, RECIPE_USED, run, features=stored)


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    """A finished run of a test's own."""
    shutil.copytree(run, tmp_path / "run")
    return tmp_path / "run"


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("content", ["", "{", '{"data": 3}', "[" * 2000, "null", '{"data": null}', '{"data": "\xff"}'])
def test_a_damaged_description_is_an_error(copied: Path, data: Path, stored: Path, content: str) -> None:
    (copied / RUN).write_text(content, encoding="latin-1")
    before = files(copied)
    with pytest.raises(ShowtellError, match=r"run\.json is damaged \(.*\); restore it, or remove the run"):
        train(data, RECIPE_USED, copied, features=stored)
    assert files(copied) == before


@pytest.mark.parametrize(("name", "what"), [(RECIPE, "recipe"), (RUN, "data")])
def test_a_run_of_which_it_cannot_be_said_what_it_is_of_is_an_error(
    copied: Path, data: Path, stored: Path, name: str, what: str
) -> None:
    (copied / name).unlink()
    with pytest.raises(ShowtellError, match=rf"{name} is missing, so that .* had the same {what}; restore it"):
        train(data, RECIPE_USED, copied, features=stored)


def test_a_finished_run_without_its_captioner_is_an_error(
    copied: Path, data: Path, stored: Path, tmp_path: Path
) -> None:
    (copied / BEST).unlink()
    with pytest.raises(
        ShowtellError, match=r"best\.safetensors is missing.*or remove .*checkpoint\.safetensors to train"
    ):
        train(data, RECIPE_USED, copied, features=tmp_path / "features")
    assert not (tmp_path / "features").exists()  # told before photos are encoded
    (copied / CHECKPOINT).unlink()
    assert train(data, RECIPE_USED, copied, features=stored).finished
    assert (copied / BEST).exists()


@pytest.mark.parametrize(("name", "message"), [(BEST, "is no captioner"), (CHECKPOINT, "is not a complete checkpoint")])
def test_what_is_wrong_with_a_run_is_told_before_photos_are_encoded(
    copied: Path, data: Path, tmp_path: Path, name: str, message: str
) -> None:
    (copied / name).write_bytes((copied / name).read_bytes()[:-1])
    with pytest.raises(ShowtellError, match=rf"{name} {message}"):
        train(data, RECIPE_USED, copied, features=tmp_path / "features")
    assert not (tmp_path / "features").exists()


def test_what_a_killed_run_did_not_come_to_is_made_up_for(copied: Path, data: Path, stored: Path) -> None:
    whole = files(copied)
    (copied / METRICS).unlink()
    (copied / CURVE).unlink()
    (copied / ".showtell-0123456789abcdef.part").write_bytes(b"half of a checkpoint")
    assert train(data, RECIPE_USED, copied, features=stored).finished
    assert files(copied) == whole


def test_two_processes_do_not_train_in_one_folder(data: Path, stored: Path, tmp_path: Path) -> None:
    with (
        exclusive_run(tmp_path / "run"),
        pytest.raises(ShowtellError, match="lock: is in use by another showtell"),
    ):
        train(data, RECIPE_USED, tmp_path / "run", features=stored)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {LOCK}


def test_a_run_that_another_process_began_meanwhile_is_not_mixed_with_this_one(
    run: Path, data: Path, stored: Path, tmp_path: Path
) -> None:
    def say(line: str) -> None:
        if line.startswith("training on"):  # the photos are encoded, which takes hours where there are many
            shutil.copytree(run, tmp_path / "run")

    with pytest.raises(ShowtellError, match=r"another recipe \(seed 0 -> 5\)"):
        train(data, structs.replace(RECIPE_USED, seed=5), tmp_path / "run", features=stored, say=say)
    assert files(tmp_path / "run") == files(run)


@pytest.mark.parametrize("option", ["--run", "--features"])
def test_a_file_in_the_folder_s_place_is_an_error_before_the_work(data: Path, tmp_path: Path, option: str) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    folders = {"--run": tmp_path / "run", "--features": tmp_path / "features"} | {option: tmp_path / "notes.txt" / "in"}
    with pytest.raises(ShowtellError, match=rf"notes\.txt: is no folder; name another one with {option}"):
        train(data, RECIPE_USED, folders["--run"], features=folders["--features"])
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_photo_s_features_are_computed_once(
    data: Path, stored: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(*args: object) -> None:
        raise AssertionError("the features are in the store")

    monkeypatch.setattr("showtell.vision.encoder.Encoder.encode_one", encode)
    assert train(data, RECIPE_USED, tmp_path / "again", features=stored).finished
    assert (tmp_path / "again" / BEST).read_bytes() == (run / BEST).read_bytes()


def test_captioner_carries_an_encoder_that_does_not_ship(drawn: Path, stored: Path, tmp_path: Path) -> None:
    recipe = structs.replace(RECIPE_USED, augmentations=1, scst_epochs=0)
    encoder = load_encoder(SHIPPED)
    assert encoder is not None
    assert not encoder.ships
    train(drawn, recipe, tmp_path / "run", features=stored, encoder=encoder)
    captioner = Captioner.load(tmp_path / "run" / BEST)
    assert captioner.encoder_identity == captioner.encoder.identity == encoder.identity
    assert captioner.encoder.model == encoder.model
    with pytest.raises(ShowtellError, match="the encoder, or a photo"):
        train(drawn, recipe, tmp_path / "run", features=stored)


def test_best_captioner_gets_its_out_of_domain_classes(run: Path) -> None:
    out_of_domain = Captioner.load(run / BEST).out_of_domain_classes
    assert "Egyptian cat" in out_of_domain
    assert 900 < len(out_of_domain) <= 1000
