"""What a run's folder says of the run: its recipe, its data, the versions and the command."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import structs

from showtell import __version__
from showtell._util.files import read_regular, write_atomically
from showtell.errors import ShowtellError
from showtell.training.folder import CHECKPOINT, PROBLEMS, RECIPE, RUN
from showtell.training.recipe import Recipe

if TYPE_CHECKING:
    from showtell.datasets import Dataset, Problem


def check_recipe(folder: Path, recipe: Recipe) -> None:
    """Refuse to resume a run with a different recipe.

    Raises:
        ShowtellError: the run in the folder has another recipe, or none is written there beside its checkpoint.
    """
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


def recorded_data(folder: Path) -> str | None:
    """The fingerprint of the data that the run in a folder was begun with; None if there is none.

    Raises:
        ShowtellError: `run.json` is damaged, or missing beside a checkpoint.
    """
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


def write_record(
    folder: Path,
    recipe: Recipe,
    datasets: Sequence[Dataset],
    unreadable: Sequence[Problem],
    encoder_identity: str,
    fingerprint: str,
) -> None:
    """Record what the run is made of: its recipe, data and versions, and what was left out of the data sets."""
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
