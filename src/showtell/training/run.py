"""A whole run, from a data set on disk to a captioner: what `showtell train` does."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from showtell import __version__
from showtell.datasets import read_dataset
from showtell.datasets.features import photo_features
from showtell.errors import ShowtellError
from showtell.files import write_atomically
from showtell.progress import Report
from showtell.progress import bar as progress_bar
from showtell.training.checkpoint import Progress
from showtell.training.curve import draw_curve
from showtell.training.data import fingerprint, prepare
from showtell.training.folder import CHECKPOINT, CURVE, PROBLEMS, RECIPE, RUN
from showtell.training.loop import Trainer
from showtell.training.recipe import Recipe
from showtell.vision.encoder import Encoder

if TYPE_CHECKING:
    from showtell.datasets import Dataset, FillReport


def _no_bar(what: str) -> AbstractContextManager[Report]:
    return progress_bar(what, quiet=True)


def train(
    dataset: str | Path,
    recipe: Recipe,
    folder: str | Path,
    *,
    photos: str | Path | None = None,
    features: str | Path = "runs/features",
    say: Callable[[str], None] = lambda line: None,
    bar: Callable[[str], AbstractContextManager[Report]] = _no_bar,
    on_epoch: Callable[[dict[str, float]], None] = lambda record: None,
) -> Progress:
    """Read a data set, encode its photos, and train; go on where an earlier call in the same folder was stopped.

    The run's folder then holds what is needed to use and to repeat it: `best.safetensors`, the captioner;
    `recipe.toml`, the settings; `run.json`, the data set, the versions and the command; `problems.jsonl`, what was left
    out of the data set; `metrics.jsonl`, a record an epoch; `curve.png`, their picture, if matplotlib is there; and
    `checkpoint.safetensors`.

    Args:
        dataset: a folder or captions file that `read_dataset` knows.
        recipe: the settings.
        folder: the run's folder.
        photos: the photos' folder, if they do not lie beside the captions.
        features: the feature store's folder, shared between runs.
        say: takes lines for the user.
        bar: makes the progress bars, such as `showtell.progress.bar`.
        on_epoch: called with each epoch's record.

    Raises:
        ShowtellError: the data set cannot be read, or the folder holds a run of another recipe or of other data.
    """
    folder = Path(folder)
    _check_recipe(folder, recipe)
    found = read_dataset(dataset, photos)
    say(found.summary())
    encoder = Encoder()
    names = [example.photo for example in found.examples]
    grid = recipe.attention_dim > 0
    with bar("encoding photos") as advance:
        known, report = photo_features(names, encoder, features, advance, grid=grid)
    for problem in report.unreadable:
        say(f"left out: {problem.detail}")
    shown = [example.photo for example in found.split("train") if example.photo in report.rows]
    views = []
    for number in range(1, recipe.views):
        with bar(f"encoding view {number + 1} of {recipe.views} of photos") as advance:
            other, of_other = photo_features(shown, encoder, features, advance, grid=grid, number=number)
        views.append((other, of_other.rows))
    data = prepare(found, known, report.rows, recipe.min_count, recipe.max_words, views)
    say(
        f"training on {len(data.train.rows):,} photos with {len(data.train.captions):,} captions, "
        f"validating on {len(data.val.rows):,}; {len(data.vocabulary):,} words"
    )
    _describe(folder, recipe, found, report, encoder.identity, fingerprint(data))
    if (folder / CHECKPOINT).exists():
        say(f"going on with the run in {folder}")

    if not find_spec("matplotlib"):
        say("no training curve will be drawn: that needs pip install 'showtell[plot]'")

    def end_of_epoch(record: dict[str, float]) -> None:
        if find_spec("matplotlib"):
            draw_curve(trainer.progress.history, folder / CURVE)
        on_epoch(record)

    with bar("training batches") as advance:
        trainer = Trainer(
            data,
            recipe,
            folder,
            encoder_identity=encoder.identity,
            about={"cell": recipe.cell, "trained on": f"{found.name}, split train"},
            on_batch=advance,
            on_epoch=end_of_epoch,
        )
        return trainer.run()


def _check_recipe(folder: Path, recipe: Recipe) -> None:
    """A folder holds one run: another recipe would make its checkpoint a mixture."""
    if not (folder / RECIPE).exists():
        return
    before, now = asdict(Recipe.read(folder / RECIPE)), asdict(recipe)
    changed = [f"{name} {before[name]!r} -> {now[name]!r}" for name in now if before[name] != now[name]]
    if changed:
        raise ShowtellError(
            f"{folder} holds a run of another recipe ({', '.join(changed)}); "
            "give the new one its own folder with --run, or remove the old one"
        )


def _describe(
    folder: Path,
    recipe: Recipe,
    dataset: Dataset,
    report: FillReport,
    encoder_identity: str,
    fingerprint: str,
) -> None:
    """Write down what the run is made of; on a run that goes on, hold it against what was written."""
    about = folder / RUN
    if about.exists():
        before = json.loads(about.read_text(encoding="utf-8"))["data"]
        if before != fingerprint:
            raise ShowtellError(
                f"{folder} holds a run on other data: a photo, a caption or a split of {dataset.name} has changed; "
                "give the new run its own folder with --run, or remove the old one"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    problems = [json.dumps(asdict(problem)) + "\n" for problem in (*dataset.problems, *report.unreadable)]
    write_atomically(folder / PROBLEMS, "".join(problems))
    write_atomically(folder / RECIPE, recipe.to_toml())
    facts = {
        "data": fingerprint,
        "dataset": dataset.name,
        "encoder": encoder_identity,
        "command": sys.argv,
        "showtell": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": platform.platform(),
    }
    write_atomically(about, json.dumps(facts, indent=2) + "\n")
