"""Captioning the photos of a data set, and scoring the captions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from showtell._util.progress import Report, no_bar
from showtell.captioning.caption import Caption
from showtell.captioning.captioner import Captioner
from showtell.datasets import Dataset, read_dataset
from showtell.datasets.dataset import Example, Problem
from showtell.errors import DatasetError
from showtell.evaluation.records import EvaluationRecord
from showtell.features.cache import check_finite
from showtell.features.encode import photo_features
from showtell.metrics import Scores, score

# Photos that are captioned together
_BATCH = 64


@dataclass(frozen=True)
class Evaluation:
    """A captioner's captions of the photos of a split.

    Attributes:
        dataset: the data set.
        examples: its N photos of the split that can be read, with their references.
        captions: the captioner's, N.
        unreadable: the photos that were left out, and why.
    """

    dataset: Dataset
    examples: tuple[Example, ...]
    captions: tuple[Caption, ...]
    unreadable: tuple[Problem, ...]

    @property
    def records(self) -> list[EvaluationRecord]:
        """Each photo with its caption, references and objects."""
        return [
            EvaluationRecord(str(example.photo), caption.text, example.captions, example.objects)
            for example, caption in zip(self.examples, self.captions, strict=True)
        ]

    @functools.cached_property
    def scores(self) -> Scores:
        """BLEU, ROUGE-L and CIDEr-D of the captions."""
        return score([caption.text for caption in self.captions], [example.captions for example in self.examples])


def evaluate(
    captioner: Captioner,
    dataset: str | Path | Dataset,
    split: str = "val",
    *,
    features: str | Path = "runs/features",
    beam_width: int | None = None,
    bar: Callable[[str], AbstractContextManager[Report]] = no_bar,
) -> Evaluation:
    """Caption the photos of a data set's split; `Evaluation.scores` scores the captions.

    Args:
        captioner: whose captions.
        dataset: a folder or captions file that `read_dataset` knows, or what that returned.
        split: "train", "val" or "test".
        features: the feature cache's folder, shared with training.
        beam_width: of the search; the captioner's own if not given.
        bar: makes the progress bar, such as `showtell._util.progress.bar`.

    Raises:
        DatasetError: the data set cannot be read, or no photo of the split can.
    """
    found = dataset if isinstance(dataset, Dataset) else read_dataset(dataset)
    photos, grid = [example.photo for example in found.split(split)], captioner.decoder.config.attention_dim > 0
    with bar("encoding photos") as advance:
        stored, report = photo_features(photos, captioner.encoder, features, advance, grid=grid)
    examples = tuple(example for example in found.split(split) if example.photo in report.rows)
    if not examples:
        splits = ", ".join(dict.fromkeys(example.split for example in found.examples))
        raise DatasetError(f"{found.name} has no photos with captions in its split {split!r}, only in {splits}")
    captions: list[Caption] = []
    for start in range(0, len(examples), _BATCH):
        of = [example.photo for example in examples[start : start + _BATCH]]
        grids = stored[[report.rows[photo] for photo in of]]
        check_finite(grids, of, stored)
        captions += captioner.caption_features(grids.astype(np.float32), beam_width=beam_width)
    return Evaluation(found, examples, tuple(captions), report.unreadable)
