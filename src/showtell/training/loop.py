"""The training loop: epochs of updates, a validation after each, and a checkpoint that a killed run goes on from."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from showtell.captioner import Captioner
from showtell.decoder import CaptionDecoder
from showtell.errors import ShowtellError
from showtell.files import write_atomically
from showtell.metrics import score
from showtell.text.vocabulary import PAD
from showtell.training.adam import Adam, clip_scale, gradient_norm
from showtell.training.batches import length_batches, trim
from showtell.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from showtell.training.data import TrainingData
from showtell.training.folder import BEST, CHECKPOINT, METRICS
from showtell.training.recipe import Recipe
from showtell.training.schedule import warmup_cosine

Array: TypeAlias = NDArray[np.floating[Any]]

# Which stream of randomness a generator belongs to, beside the seed
_WEIGHTS, _ORDER, _DROPOUT = range(3)


class Trainer:
    """One training run in one folder.

    The folder holds, after each epoch: `best.safetensors`, the captioner with the best validation CIDEr-D so far;
    `metrics.jsonl`, a record an epoch; and `checkpoint.safetensors`. Made anew on the same folder, a trainer goes on
    where the last one was stopped or killed, and ends with the same bits as one that never was, on the same machine
    with the same number of threads.

    Args:
        data: what to learn from.
        recipe: how.
        folder: where the run is kept; made if missing.
        encoder_identity: of the encoder that made the features.
        about: what the captioner will tell about itself, beside its scores.
        checkpoint_seconds: the time between two checkpoints within an epoch.
        on_batch: called after each update with the updates done and those there are.
        on_epoch: called after each epoch with its record.

    Raises:
        ShowtellError: the checkpoint in the folder is damaged.
    """

    def __init__(
        self,
        data: TrainingData,
        recipe: Recipe,
        folder: str | os.PathLike[str],
        *,
        encoder_identity: str,
        about: dict[str, str] | None = None,
        checkpoint_seconds: float = 60.0,
        on_batch: Callable[[int, int], None] = lambda done, total: None,
        on_epoch: Callable[[dict[str, float]], None] = lambda record: None,
    ) -> None:
        self.data, self.recipe, self.folder = data, recipe, Path(folder)
        self.encoder_identity, self.about = encoder_identity, dict(about or {})
        self.checkpoint_seconds, self.on_batch, self.on_epoch = checkpoint_seconds, on_batch, on_epoch
        self.folder.mkdir(parents=True, exist_ok=True)
        mean, scale = data.statistics()
        config = {
            "vocab_size": len(data.vocabulary),
            "feature_dim": data.features.shape[1],
            "embed_dim": recipe.embed_dim,
            "hidden_dim": recipe.hidden_dim,
            "cell": recipe.cell,
            "activation": recipe.activation,
            "precision": recipe.precision,
            "feature_mean": mean,
            "feature_scale": scale,
        }
        self.progress = Progress()
        if (self.folder / CHECKPOINT).exists():
            self.progress, groups = load_checkpoint(self.folder / CHECKPOINT)
            self.decoder = CaptionDecoder(**config, params=groups["params"])
            self.adam = Adam(self.decoder.params)
            self.adam.first, self.adam.second = groups["first"], groups["second"]
            self.adam.steps = self.progress.step
        else:
            rng = np.random.default_rng([recipe.seed, _WEIGHTS])
            self.decoder = CaptionDecoder(**config, init=recipe.init, forget_bias=recipe.forget_bias, rng=rng)
            self.adam = Adam(self.decoder.params)

    def run(self) -> Progress:
        """Train until the recipe's epochs are over, or no better score has come for its patience.

        Raises:
            ShowtellError: the loss is no longer a finite number; the last checkpoint is from before.
        """
        while not self.progress.finished:
            self._epoch()
            self._end_epoch()
        return self.progress

    def _epoch(self) -> None:
        """The updates of one epoch, from where the progress says."""
        recipe, progress, train = self.recipe, self.progress, self.data.train
        batches = self._batches(progress.epoch)
        total = recipe.epochs * len(batches)
        saved = time.monotonic()
        for rows in batches[progress.batch :]:
            start = time.monotonic()
            captions = trim(train.captions[rows])
            loss, grads = self.decoder.loss(
                self.data.batch(train.photo_rows[rows]),
                captions,
                dropout=recipe.dropout,
                label_smoothing=recipe.label_smoothing,
                rng=np.random.default_rng([recipe.seed, _DROPOUT, progress.step]),
            )
            norm = gradient_norm(grads)
            if not np.isfinite(norm):
                raise ShowtellError(
                    f"training diverged at update {progress.step + 1}: the gradient's norm is {norm}; "
                    f"lower learning_rate (now {recipe.learning_rate}) or clip_norm (now {recipe.clip_norm})"
                )
            rate = warmup_cosine(progress.step, total, recipe.warmup_steps, recipe.learning_rate)
            self.adam.update(self.decoder.params, grads, rate, clip_scale(norm, recipe.clip_norm))
            progress.step += 1
            progress.batch += 1
            progress.loss += loss * len(rows)
            progress.words += int((captions[:, 1:] != PAD).sum())
            progress.seconds += time.monotonic() - start
            self.on_batch(progress.step, total)
            if time.monotonic() - saved >= self.checkpoint_seconds:
                self._checkpoint()
                saved = time.monotonic()

    def _end_epoch(self) -> None:
        """Validate, keep the best, write down, and decide whether to go on."""
        recipe, progress = self.recipe, self.progress
        record = {
            "epoch": progress.epoch + 1,
            "train_loss": progress.loss / progress.words,
            "val_loss": self._validation_loss(),
            **self._validation_scores(),
            "words_per_second": progress.words / max(progress.seconds, 1e-9),
        }
        progress.epoch += 1
        progress.batch, progress.loss, progress.words, progress.seconds = 0, 0.0, 0, 0.0
        progress.history.append(record)
        if record["cider_d"] > progress.best:
            progress.best, progress.best_epoch = record["cider_d"], progress.epoch
            self._captioner().save(self.folder / BEST)
        progress.finished = progress.epoch >= recipe.epochs or progress.epoch - progress.best_epoch >= recipe.patience
        self._checkpoint()
        lines = [json.dumps(entry) + "\n" for entry in progress.history]
        write_atomically(self.folder / METRICS, "".join(lines))
        self.on_epoch(record)

    def _batches(self, epoch: int) -> list[NDArray[np.integer[Any]]]:
        rng = np.random.default_rng([self.recipe.seed, _ORDER, epoch])
        return length_batches(self.data.train.lengths, self.recipe.batch_size, rng)

    def _validation_loss(self) -> float:
        """The cross-entropy of a word of the validation captions, in nats."""
        val, total, words = self.data.val, 0.0, 0
        order = np.argsort(val.lengths, kind="stable")
        for start in range(0, len(order), self.recipe.batch_size):
            rows = order[start : start + self.recipe.batch_size]
            captions = trim(val.captions[rows])
            total += self.decoder.evaluate(self.data.batch(val.photo_rows[rows]), captions) * len(rows)
            words += int((captions[:, 1:] != PAD).sum())
        return total / words

    def _validation_scores(self) -> dict[str, float]:
        """CIDEr-D and BLEU-4 of captions that the decoder writes for the validation photos."""
        captioner, val = self._captioner(), self.data.val
        captions = [
            caption.text
            for start in range(0, len(val.rows), 256)
            for caption in captioner.caption_features(self.data.batch(val.rows[start : start + 256]))
        ]
        scores = score(captions, val.references)
        return {"cider_d": float(scores.cider_d), "bleu_4": float(scores.bleu[3])}

    def _captioner(self) -> Captioner:
        progress, recipe = self.progress, self.recipe
        scores = {
            f"validation {name}": f"{progress.history[-1][name]:.4f}"
            for name in ("cider_d", "bleu_4")
            if progress.history
        }
        return Captioner(
            self.decoder,
            self.data.vocabulary,
            encoder_identity=self.encoder_identity,
            about=self.about | {"epoch": str(progress.epoch)} | scores,
            beam_width=recipe.beam_width,
            length_power=recipe.length_power,
            max_words=recipe.max_words,
        )

    def _checkpoint(self) -> None:
        tensors = {"params": self.decoder.params, "first": self.adam.first, "second": self.adam.second}
        save_checkpoint(self.folder / CHECKPOINT, self.progress, tensors)
