"""A whole run, from a data set on disk to a captioner: what `showtell train` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from showtell._util.files import check_folder
from showtell._util.progress import Report, no_bar
from showtell.captioning.classes import shipped_classes
from showtell.datasets import read_dataset
from showtell.datasets.leaks import find_leaks, leak_lines, refuse_leaks
from showtell.errors import ShowtellError
from showtell.features.encode import photo_features
from showtell.training.checkpoint import Progress, resume
from showtell.training.curve import draw_curve
from showtell.training.data import TrainingData, fingerprint, prepare
from showtell.training.folder import CHECKPOINT, CURVE, exclusive_run
from showtell.training.loop import Trainer
from showtell.training.recipe import Recipe
from showtell.training.record import check_recipe, recorded_data, write_record
from showtell.training.shards import Compute, sum_of_shards
from showtell.training.tunable import Tunable
from showtell.vision.encoder import Encoder

if TYPE_CHECKING:
    from showtell.datasets import Dataset, Problem
    from showtell.text.vocabulary import Vocabulary


def train(
    datasets: str | Path | Sequence[str | Path],
    recipe: Recipe,
    folder: str | Path,
    *,
    photos: str | Path | None = None,
    features: str | Path = "runs/features",
    encoder: Encoder | None = None,
    say: Callable[[str], None] = lambda line: None,
    bar: Callable[[str], AbstractContextManager[Report]] = no_bar,
    compute_shards: Compute = sum_of_shards,
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
        encoder: photos to features; the one that ships if not given. Another one goes into the captioner's file.
        say: takes lines for the user.
        bar: makes the progress bars, such as `showtell._util.progress.bar`.
        compute_shards: computes the shards of a batch, where the recipe has them.
        on_epoch: called with each epoch's record.

    Raises:
        ShowtellError: a data set cannot be read, one has training photos that another is judged by, the folder holds a
            run of another recipe or of other data, or a damaged one, another process trains there, or the recipe tunes
            the encoder and the extra `tune` is missing.
    """
    folder = Path(folder)
    check_folder(folder, "--run")
    check_folder(features, "--features")
    check_recipe(folder, recipe)
    recorded_data(folder)
    resume(folder)  # what is wrong with it is told before the photos are encoded
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
    encoder = encoder or Encoder()
    data, unreadable = store.encode(encoder)
    say(
        f"training on {len(data.train.rows):,} photos with {len(data.train.captions):,} captions, "
        f"validating on {len(data.val.rows):,}; {len(data.vocabulary):,} words"
    )
    with exclusive_run(folder):
        check_recipe(folder, recipe)  # another process may have begun a run meanwhile
        before = recorded_data(folder)
        if before is None:
            write_record(folder, recipe, found, unreadable, encoder.identity, fingerprint(data))
        elif before != fingerprint(data):
            raise ShowtellError(
                f"{folder} holds a run on other data: the encoder, or a photo, a caption or a "
                f"split of {' or '.join(dataset.name for dataset in found)}, has changed; "
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
                encoder=None if encoder.ships else encoder,
                tunable=tunable,
                about={"cell": recipe.cell, "trained on": f"{' and '.join(data.sets)}, split train"},
                compute_shards=compute_shards,
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
