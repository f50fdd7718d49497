from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from msgspec import structs

import small
from showtell.captioning.captioner import Captioner
from showtell.errors import ShowtellError
from showtell.evaluation.confidence import fit_confidence
from showtell.nn.backend import default_backend
from showtell.training.checkpoint import load_checkpoint
from showtell.training.data import Captions
from showtell.training.folder import BEST, CHECKPOINT, METRICS
from showtell.training.loop import Trainer
from showtell.training.recipe import Recipe
from small import RECIPE, trainer


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    trainer(folder).run()
    return folder


def records(folder: Path) -> list[dict[str, float]]:
    """What a run wrote down, but for its speed."""
    lines = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "words_per_second"} for line in lines]


def assert_same_run(one: Path, two: Path) -> None:
    """To the bit: the captioner, the weights and both moments, the scores."""
    assert (one / BEST).read_bytes() == (two / BEST).read_bytes()
    assert records(one) == records(two)
    (_, ours), (_, theirs) = load_checkpoint(one / CHECKPOINT), load_checkpoint(two / CHECKPOINT)
    for group in ("params", "exp_avg", "exp_avg_sq"):
        for name, array in ours[group].items():
            assert array.tobytes() == theirs[group][name].tobytes(), f"{group}/{name} differs"


def judge(run: Trainer, scores: Iterator[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the run's epochs have these scores."""
    said = SimpleNamespace(scores=lambda captioner: {"cider_d": next(scores), "bleu_4": 0.0})
    monkeypatch.setattr(run, "_validation", lambda: said)
    monkeypatch.setattr(run, "_finish", lambda: None)


def test_the_default_backend_trains(tmp_path: Path) -> None:
    assert trainer(tmp_path).decoder.backend is default_backend()


def test_it_learns(tmp_path: Path) -> None:
    recipe = structs.replace(RECIPE, epochs=15, scst_epochs=0)
    progress = trainer(tmp_path, recipe).run()
    first, last = progress.history[0], progress.history[-1]
    assert last["train_loss"] < 0.7 * first["train_loss"]
    assert progress.best > 6  # of 10: nearly every caption is the reference
    captioner = Captioner.load(tmp_path / BEST)
    data = small.data()
    said = [caption.text for caption in captioner.caption_features(data.batch(data.val.rows))]
    right = [text.lower().rstrip(".") == refs[0] for text, refs in zip(said, data.val.references, strict=True)]
    assert sum(right) >= 11
    assert captioner.about["validation cider_d"] == f"{progress.best:.4f}"


def test_what_a_run_leaves(whole: Path) -> None:
    assert {path.name for path in whole.iterdir()} == {BEST, CHECKPOINT, METRICS}
    assert [record["epoch"] for record in records(whole)] == [1, 2, 3, 4]
    assert records(whole)[0].keys() == {"epoch", "train_loss", "val_loss", "cider_d", "bleu_4"}
    assert records(whole)[2].keys() == {"epoch", "reward", "val_loss", "cider_d", "bleu_4"}


def test_best_captioner_gets_a_confidence(whole: Path) -> None:
    captioner, data = Captioner.load(whole / BEST), small.data()
    captions = captioner.caption_features(data.batch(data.val.rows))
    assert captioner.confidence == fit_confidence(captioner, data.features[data.val.rows], data.val.references)
    assert all(0 < caption.confidence < 1 for caption in captions)


def test_killed_while_its_confidence_is_fitted_it_ends_the_same(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trainer(tmp_path)
    fit = run._finish

    def fit_and_stop() -> None:
        fit()
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "_finish", fit_and_stop)
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert not load_progress_finished(tmp_path)
    trainer(tmp_path).run()
    assert_same_run(whole, tmp_path)


# An epoch has 12; those on the reward are the third and the fourth
@pytest.mark.parametrize("updates", [1, 5, 12, 13, 24, 30])
@pytest.mark.slow
def test_a_killed_run_ends_as_if_it_never_was(whole: Path, tmp_path: Path, updates: int) -> None:
    command = [sys.executable, small.__file__, str(tmp_path), str(updates)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not load_progress_finished(tmp_path)
    trainer(tmp_path).run()
    assert_same_run(whole, tmp_path)


def load_progress_finished(folder: Path) -> bool:
    path = folder / CHECKPOINT
    return path.exists() and load_checkpoint(path)[0].finished


def test_the_same_seed_gives_the_same_run_and_another_does_not(whole: Path, tmp_path: Path) -> None:
    trainer(tmp_path / "same").run()
    assert_same_run(whole, tmp_path / "same")
    trainer(tmp_path / "other", structs.replace(RECIPE, seed=4)).run()
    assert records(tmp_path / "other") != records(whole)


def test_a_finished_run_does_nothing(whole: Path) -> None:
    before = (whole / CHECKPOINT).stat().st_mtime_ns
    updates: list[int] = []
    progress = trainer(whole, on_batch=lambda done, total: updates.append(done)).run()
    assert progress.finished
    assert not updates
    assert (whole / CHECKPOINT).stat().st_mtime_ns == before


def test_patience_ends_a_run_that_gets_no_better(tmp_path: Path) -> None:
    recipe = structs.replace(RECIPE, epochs=50, patience=2, learning_rate=1e-12, scst_epochs=0)
    progress = trainer(tmp_path, recipe).run()
    assert progress.epoch == progress.best_epoch + 2 < 50


def test_the_best_is_kept_not_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.2, 0.5, 0.3, 0.4])
    run = trainer(tmp_path)
    judge(run, scores, monkeypatch)
    assert run.run().best_epoch == 2
    assert Captioner.load(tmp_path / BEST).about["epoch"] == "2"


def test_the_reward_begins_with_the_best_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.5, 0.2])
    run = trainer(tmp_path)
    judge(run, scores, monkeypatch)
    for _ in range(2):
        run._epoch()
        run._end_epoch()
    assert (run.progress.stage, run.progress.stage_epoch) == (1, 2)
    best = Captioner.load(tmp_path / BEST)
    assert best.about["epoch"] == "1"
    for name, array in best.decoder.params.items():
        np.testing.assert_array_equal(run.decoder.params[name], array)
        np.testing.assert_array_equal(run.ema[name], array)


def test_self_critical_stage_starts_when_patience_ends(tmp_path: Path) -> None:
    recipe = structs.replace(RECIPE, epochs=50, patience=2, learning_rate=1e-12)
    progress = trainer(tmp_path, recipe).run()
    assert 2 < progress.stage_epoch < 50
    assert ["reward" in record for record in progress.history].index(True) == progress.stage_epoch


@pytest.mark.slow
def test_self_critical_training_increases_the_reward(tmp_path: Path) -> None:
    recipe = structs.replace(RECIPE, epochs=6, patience=20, scst_epochs=10, scst_rate=5e-3)
    rewards = [record["reward"] for record in trainer(tmp_path, recipe).run().history if "reward" in record]
    assert len(rewards) == 10
    assert rewards[-1] > rewards[0] + 0.5


def test_validation_uses_the_moving_average(tmp_path: Path) -> None:
    run = trainer(tmp_path, structs.replace(RECIPE, epochs=1, scst_epochs=0, ema_decay=0.9))
    run.run()
    kept = Captioner.load(tmp_path / BEST).decoder.params
    for name, array in run.ema.items():
        np.testing.assert_array_equal(kept[name], array.astype(np.float16).astype(np.float32))
        assert not np.array_equal(run.decoder.params[name], array)


def test_a_run_that_diverges_says_so(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    run.decoder.params["b_vocab"][3] = np.nan
    with pytest.raises(ShowtellError, match=r"diverged at update 1.*lower the rate"):
        run.run()


def test_a_damaged_checkpoint_is_an_error(whole: Path, tmp_path: Path) -> None:
    data = (whole / CHECKPOINT).read_bytes()
    (tmp_path / CHECKPOINT).write_bytes(data[: len(data) // 2])
    with pytest.raises(ShowtellError, match="is not a complete checkpoint"):
        trainer(tmp_path)


@pytest.mark.parametrize(("cell", "activation"), [("gru", "tanh"), ("rnn", "tanh"), ("rnn", "relu")])
def test_every_cell_trains(tmp_path: Path, cell: str, activation: str) -> None:
    settings = structs.asdict(RECIPE) | {"cell": cell, "activation": activation, "epochs": 2}
    progress = trainer(tmp_path, Recipe.from_mapping(settings)).run()
    assert progress.history[1]["train_loss"] < progress.history[0]["train_loss"]


def test_without_attention_captions_without_photos_are_left(tmp_path: Path) -> None:
    """Their grids are made up, and the mean of a grid alone has no cells."""
    data = small.data()
    texts = Captions(data.train.captions[:2], np.zeros(2, int), [data.train.references[0]], (("dog",),))
    run = Trainer(dataclasses.replace(data, texts=texts), RECIPE, tmp_path, encoder_identity="none")
    assert run.stages[0].text_epochs == 0
