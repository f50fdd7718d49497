"""The whole way, for each cell: drawings on disk are learnt from, and unseen ones are captioned right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from showtell.captioning.captioner import Captioner
from showtell.datasets import read_dataset
from showtell.datasets.synthetic import draw_shapes
from showtell.features.encode import photo_features
from showtell.nn.choices import Cell
from showtell.training.folder import BEST
from showtell.training.recipe import Recipe
from showtell.training.run import train
from showtell.vision.encoder import Encoder

UNSEEN = 200


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,300 drawings: about 1,170 to learn from, 130 to choose the best epoch by."""
    return draw_shapes(tmp_path_factory.mktemp("lessons"), 1300, np.random.default_rng(0)).parent


@pytest.fixture(scope="module")
def unseen(stored: Path, encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, list[str]]:
    """The features of other drawings, and their captions."""
    dataset = read_dataset(draw_shapes(tmp_path_factory.mktemp("unseen"), UNSEEN, np.random.default_rng(1)))
    photos = [example.photo for example in dataset.examples]
    features, report = photo_features(photos, encoder, stored, grid=False)
    rows = [report.rows[example.photo] for example in dataset.examples]
    return features[rows].astype(np.float32), [example.captions[0] for example in dataset.examples]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.slow
@pytest.mark.usefixtures("no_curve")
def test_unseen_drawings_are_captioned_right(cell: Cell, lessons: Path, unseen, stored: Path, tmp_path: Path) -> None:
    recipe = Recipe(
        cell=cell,
        embed_dim=32,
        hidden_dim=128,
        attention_dim=0,
        heads=1,
        augmentations=1,
        ema_decay=0,
        scst_epochs=0,
        min_count=1,
        dropout=0.1,
        label_smoothing=0,
        epochs=20,
        patience=20,
        batch_size=32,
        learning_rate=2e-3,
        warmup_steps=50,
    )
    train(lessons, recipe, tmp_path, features=stored)
    features, right = unseen
    written = [caption.text for caption in Captioner.load(tmp_path / BEST).caption_features(features)]
    wrong = [pair for pair in zip(written, right, strict=True) if pair[0] != f"{pair[1].capitalize()}."]
    assert len(wrong) <= 0.05 * UNSEEN, f"{len(wrong)} of {UNSEEN} wrong, such as {wrong[:5]}"
