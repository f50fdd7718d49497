"""A whole run, from a data set on disk to a captioner: what `showtell train` does."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import structs

from showtell import __version__
from showtell._util.files import check_folder, read_regular, write_atomically
from showtell._util.progress import Report
from showtell._util.progress import bar as progress_bar
from showtell.captioning.classes import shipped_classes
from showtell.datasets import read_dataset
from showtell.datasets.leaks import find_leaks, leak_lines, refuse_leaks
from showtell.errors import ShowtellError
from showtell.features.encode import photo_features
from showtell.training.checkpoint import Progress
from showtell.training.curve import draw_curve
from showtell.training.data import TrainingData, fingerprint, prepare
from showtell.training.folder import CHECKPOINT, CURVE, PROBLEMS, RECIPE, RUN, exclusive_run
from showtell.training.loop import Trainer
from showtell.training.recipe import Recipe
from showtell.training.tunable import Tunable
from showtell.vision.encoder import Encoder

if TYPE_CHECKING:
    from showtell.datasets import Dataset, Problem
    from showtell.text.vocabulary import Vocabulary


def _no_bar(what: str) -> AbstractContextManager[Report]:
    return progress_bar(what, quiet=True)


def train(
    datasets: str | Path | Sequence[str | Path],
    recipe: Recipe,
    folder: str | Path,
    *,
    photos: str | Path | None = None,
    features: str | Path = "runs/features",
    say: Callable[[str], None] = lambda line: None,
    bar: Callable[[str], AbstractContextManager[Report]] = _no_bar,
    on_epoch: Callable[[dict[str, float]], None] = lambda record: None,
) -> Progress:
    """Read data sets, encode their photos, and train; resume if an earlier call in the same folder was interrupted.

    The run's folder then holds what is needed to use and to repeat it: `best.safetensors`, the captioner;
    `encoder.onnx`, its encoder, if the recipe tunes that; `recipe.toml`, the settings; `run.json`, the data sets, the
    versions and the command; `problems.jsonl`, what was left out of the data sets; `metrics.jsonl`, a record an epoch;
    `curve.png`, their picture, if matplotlib is there; and `checkpoint.safetensors`.

    Args:
        datasets: folders or captions files that `read_dataset` knows, one or several.
        recipe: the settings.
        folder: the run's folder.
        photos: the photos' folder, if they do not lie beside the captions of the one data set.
        features: the feature store's folder, shared between runs.
        say: takes lines for the user.
        bar: makes the progress bars, such as `showtell._util.progress.bar`.
        on_epoch: called with each epoch's record.

    Raises:
        ShowtellError: a data set cannot be read, one has training photos that another is judged by, the folder holds a
            run of another recipe or of other data, or a damaged one, another process trains there, or the recipe tunes
            the encoder and the extra `tune` is missing.
    """
    folder = Path(folder)
    check_folder(folder, "--run")
    check_folder(features, "--features")
    _check_recipe(folder, recipe)
    _data_before(folder)
    if recipe.tune_encoder:
        _check_tuning(recipe)
    sources = [datasets] if isinstance(datasets, (str, Path)) else list(datasets)
    found = _named_apart([read_dataset(source, photos) for source in sources])
    for dataset in found:
        say(dataset.summary())
    if not (folder / CHECKPOINT).exists():  # the data of a run that goes on are those that it began with
        with bar("comparing photos") as advance:
            leaks = find_leaks(found, advance)
        refuse_leaks(leaks)
        for line in leak_lines(leaks):
            say(line)
    store = _Features(found, recipe, features, bar, say)
    encoder = Encoder()
    data, unreadable = store.encode(encoder)
    say(
        f"training on {len(data.train.rows):,} photos with {len(data.train.captions):,} captions, "
        f"validating on {len(data.val.rows):,}; {len(data.vocabulary):,} words"
    )
    with exclusive_run(folder):
        _check_recipe(folder, recipe)  # another process may have begun a run meanwhile
        before = _data_before(folder)
        if before is None:
            _describe(folder, recipe, found, unreadable, encoder.identity, fingerprint(data))
        elif before != fingerprint(data):
            raise ShowtellError(
                f"{folder} holds a run on other data: a photo, a caption or a split of "
                f"{' or '.join(dataset.name for dataset in found)} has changed; "
                "give the new run its own folder with --run, or remove the old one"
            )
        if (folder / CHECKPOINT).exists():
            say(f"resuming the run in {folder}")
        if not find_spec("matplotlib"):
            say("no training curve will be drawn: that needs pip install 'showtell[plot]'")

        def draw() -> None:
            if trainer.progress.history and find_spec("matplotlib"):
                draw_curve(trainer.progress.history, folder / CURVE)

        def end_of_epoch(record: dict[str, float]) -> None:
            draw()
            on_epoch(record)

        tunable = None
        if recipe.tune_encoder:
            tunable = Tunable(
                encoder.model,
                encoder.identity,
                shipped_classes(),
                lambda tuned: store.encode(tuned, data.vocabulary)[0],
            )
        with bar("training batches") as advance:
            trainer = Trainer(
                data,
                recipe,
                folder,
                encoder_identity=encoder.identity,
                tunable=tunable,
                about={"cell": recipe.cell, "trained on": f"{' and '.join(data.sets)}, split train"},
                on_batch=advance,
                on_epoch=end_of_epoch,
            )
            if not (folder / CURVE).exists():
                draw()
            return trainer.run()


class _Features:
    """The photos of the data sets, encoded through the feature store."""

    def __init__(
        self,
        datasets: Sequence[Dataset],
        recipe: Recipe,
        folder: str | Path,
        bar: Callable[[str], AbstractContextManager[Report]],
        say: Callable[[str], None],
    ) -> None:
        self._datasets, self._recipe, self._folder, self._bar, self._say = datasets, recipe, folder, bar, say

    def encode(
        self, encoder: Encoder, vocabulary: Vocabulary | None = None
    ) -> tuple[TrainingData, tuple[Problem, ...]]:
        """The training data with an encoder's features, and the photos that cannot be read."""
        recipe, grid = self._recipe, self._recipe.attention_dim > 0
        examples = [e for dataset in self._datasets for e in (*dataset.examples, *dataset.uncaptioned)]
        with self._bar("encoding photos") as advance:
            known, report = photo_features([e.photo for e in examples], encoder, self._folder, advance, grid=grid)
        for problem in report.unreadable:
            self._say(f"left out: {problem.detail}")
        shown = [e.photo for e in examples if e.split == "train" and e.captions and e.photo in report.rows]
        views = []
        for number in range(1, recipe.augmentations):
            with self._bar(f"encoding view {number + 1} of {recipe.augmentations} of photos") as advance:
                other, of_other = photo_features(shown, encoder, self._folder, advance, grid=grid, number=number)
            views.append((other, of_other.rows))
        data = prepare(
            self._datasets, known, report.rows, recipe.min_count, recipe.max_words, views, vocabulary=vocabulary
        )
        return data, report.unreadable


def _named_apart(datasets: Sequence[Dataset]) -> list[Dataset]:
    """The data sets with unique names, under which scores are reported."""
    names = [dataset.name for dataset in datasets]
    return [
        replace(dataset, name=f"{name}-{place}") if names.count(name) > 1 else dataset
        for place, (name, dataset) in enumerate(zip(names, datasets, strict=True), start=1)
    ]


def _check_tuning(recipe: Recipe) -> None:
    for package in ("torch", "onnx"):
        if not find_spec(package):
            raise ShowtellError(
                f"tuning the encoder needs {package}: pip install 'showtell[tune]', or train without --tune-encoder"
            )
    if not recipe.attention_dim:
        raise ShowtellError("tuning the encoder needs attention; attention_dim is 0, set it above 0")


def _check_recipe(folder: Path, recipe: Recipe) -> None:
    """Refuse to resume a run with a different recipe."""
    if not (folder / RECIPE).exists():
        _check_nothing_done(folder, RECIPE, "recipe")
        return
    before, now = structs.asdict(Recipe.read(folder / RECIPE)), structs.asdict(recipe)
    changed = [f"{name} {before[name]!r} -> {now[name]!r}" for name in now if before[name] != now[name]]
    if changed:
        raise ShowtellError(
            f"{folder} holds a run of another recipe ({', '.join(changed)}); "
            "give the new one its own folder with --run, or remove the old one"
        )


def _data_before(folder: Path) -> str | None:
    """The fingerprint of the data that the run in a folder was begun with; None if there is none."""
    about = folder / RUN
    if not about.exists():
        _check_nothing_done(folder, RUN, "data")
        return None
    try:
        return msgspec.json.decode(read_regular(about), type=_Facts).data
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise ShowtellError(f"{about} is damaged ({error}); restore it, or remove the run") from error


def _check_nothing_done(folder: Path, missing: str, what: str) -> None:
    if (folder / CHECKPOINT).exists():
        raise ShowtellError(
            f"{folder / missing} is missing, so that it cannot be said whether the run in {folder} had the same "
            f"{what}; restore it, or remove the run"
        )


class _Facts(msgspec.Struct):
    """What `run.json` says that is asked for again."""

    data: str


def _describe(
    folder: Path,
    recipe: Recipe,
    datasets: Sequence[Dataset],
    unreadable: Sequence[Problem],
    encoder_identity: str,
    fingerprint: str,
) -> None:
    """Record what the run is made of."""
    found = [*(problem for dataset in datasets for problem in dataset.problems), *unreadable]
    problems = [json.dumps(asdict(problem)) + "\n" for problem in found]
    write_atomically(folder / PROBLEMS, "".join(problems))
    write_atomically(folder / RECIPE, recipe.to_toml())
    facts = {
        "data": fingerprint,
        "datasets": [dataset.name for dataset in datasets],
        "encoder": encoder_identity,
        "command": sys.argv,
        "showtell": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": platform.platform(),
    }
    write_atomically(folder / RUN, json.dumps(facts, indent=2) + "\n")
