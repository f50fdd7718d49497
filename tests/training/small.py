"""A task that is learnt in seconds: features say which of a few captions is right. Run as a script, it is killed."""

from __future__ import annotations

import os
import signal
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from showtell.text.vocabulary import Vocabulary
from showtell.training.data import Split, TrainingData
from showtell.training.loop import Trainer
from showtell.training.recipe import Recipe

RECIPE = Recipe(
    embed_dim=8,
    hidden_dim=16,
    attention_dim=0,
    heads=1,
    ema_decay=0.5,
    scst_epochs=2,
    scst_rate=1e-3,
    scst_samples=3,
    epochs=2,
    batch_size=8,
    learning_rate=1e-2,
    warmup_steps=5,
    dropout=0.2,
    max_words=6,
    min_count=1,
    seed=3,
)


def data() -> TrainingData:
    """Sixty photos, each one of six captions, written twice."""
    kinds = [f"a {size} {thing}" for size, thing in product(["big", "small"], ["dog", "cat", "red bird"])]
    rng = np.random.default_rng(0)
    kind = rng.integers(0, len(kinds), 60)
    features = (np.eye(len(kinds))[kind] + 0.1 * rng.standard_normal((60, len(kinds)))).astype(np.float16)
    vocabulary = Vocabulary.build(kinds, 1)

    def split(rows: np.ndarray) -> Split:
        references = [[kinds[kind[row]]] * 2 for row in rows]
        captions = [caption for pair in references for caption in pair]
        return Split(
            captions=vocabulary.encode_batch(captions, 7),
            photo=np.repeat(np.arange(len(rows)), 2),
            references=references,
            objects=(None,) * len(rows),
            rows=rows,
            sets=np.zeros(len(rows), int),
            photos=tuple(Path(f"{row}.jpg") for row in rows),
        )

    return TrainingData(features, vocabulary, split(np.arange(48)), split(np.arange(48, 60)), ("small",))


def trainer(folder: Path, recipe: Recipe = RECIPE, **options: Any) -> Trainer:
    return Trainer(data(), recipe, folder, encoder_identity="none", **options)


def main() -> None:
    """Train in a folder, a checkpoint after every update, and be killed after so many."""
    folder, updates = Path(sys.argv[1]), int(sys.argv[2])

    def kill(done: int, total: int) -> None:
        if done == updates:
            os.kill(os.getpid(), signal.SIGKILL)

    trainer(folder, on_batch=kill, checkpoint_seconds=0).run()


if __name__ == "__main__":
    main()
