"""The training loop: epochs of updates, a validation after each, and a checkpoint that a killed run goes on from."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from showtell import kernels
from showtell.captioner import Caption, Captioner
from showtell.confidence import Confidence
from showtell.decoder import CaptionDecoder
from showtell.errors import ShowtellError
from showtell.evaluation.confidence import evidence
from showtell.files import write_atomically
from showtell.metrics import score
from showtell.naming import foreign_classes
from showtell.text.vocabulary import PAD
from showtell.training.adam import Adam, clip_scale, gradient_norm
from showtell.training.batches import photo_batches, trim
from showtell.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from showtell.training.data import TrainingData
from showtell.training.folder import BEST, CHECKPOINT, METRICS
from showtell.training.recipe import Recipe
from showtell.training.reward import Reward, advantages, as_captions, sample_captions, speaking
from showtell.training.schedule import warmup_cosine
from showtell.vision.classes import shipped_classes
from showtell.vision.views import WHOLE

Array: TypeAlias = NDArray[np.floating[Any]]
IntArray: TypeAlias = NDArray[np.integer[Any]]

# Which stream of randomness a generator belongs to, beside the seed
_WEIGHTS, _ORDER, _UPDATE = range(3)


class Trainer:
    """One training run in one folder: epochs on the captions' cross-entropy, then epochs on a reward.

    The folder holds, after each epoch: `best.safetensors`, the captioner with the best validation CIDEr-D so far, and
    after the last epoch with its confidence; `metrics.jsonl`, a record an epoch; and `checkpoint.safetensors`. Made
    anew on the same folder, a trainer goes on where the last one was stopped or killed, and ends with the same bits as
    one that never was, on the same machine with the same number of threads.

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
        self.progress = Progress()
        groups: dict[str, dict[str, Array]] = {}
        if (self.folder / CHECKPOINT).exists():
            self.progress, groups = load_checkpoint(self.folder / CHECKPOINT)
        self.decoder = CaptionDecoder(
            len(data.vocabulary),
            data.features.shape[-1],
            recipe.embed_dim,
            recipe.hidden_dim,
            attention_dim=recipe.attention_dim,
            heads=recipe.heads,
            cell=recipe.cell,
            activation=recipe.activation,
            init=recipe.init,
            forget_bias=recipe.forget_bias,
            statistics=data.statistics(),
            rng=np.random.default_rng([recipe.seed, _WEIGHTS]),
            params=groups.get("params"),
            precision=kernels.fastest_precision() if recipe.precision == "auto" else recipe.precision,
        )
        self._begin_with(groups)

    def run(self) -> Progress:
        """Train until the recipe's epochs are over, or no better score has come for its patience.

        Raises:
            ShowtellError: the loss is no longer a finite number; the last checkpoint is from before.
        """
        while not self.progress.finished:
            self._epoch()
            self._end_epoch()
        return self.progress

    def _begin_with(self, groups: dict[str, dict[str, Array]]) -> None:
        """Take up the optimizer's state and the weights' mean, or begin with none."""
        self.adam = Adam(self.decoder.params)
        self.mean = {name: array.copy() for name, array in self.decoder.params.items()}
        if groups:
            self.adam.first, self.adam.second, self.mean = groups["first"], groups["second"], groups["mean"]
            self.adam.steps = self.progress.step - self.progress.reward_step

    @property
    def _rewarded(self) -> bool:
        """Whether the epochs on the reward have begun."""
        return self.progress.reward_epoch >= 0

    def _epoch(self) -> None:
        """The updates of one epoch, from where the progress says."""
        recipe, progress = self.recipe, self.progress
        batches = self._batches(progress.epoch)
        epochs, peak = (
            (recipe.reward_epochs, recipe.reward_rate) if self._rewarded else (recipe.epochs, recipe.learning_rate)
        )
        total = epochs * len(batches)
        planned = (recipe.epochs + recipe.reward_epochs) * len(batches)
        saved = time.monotonic()
        for rows in batches[progress.batch :]:
            start = time.monotonic()
            rng = np.random.default_rng([recipe.seed, _UPDATE, progress.step])
            grads = (self._reward_gradients if self._rewarded else self._caption_gradients)(rows, rng)
            norm = gradient_norm(grads)
            if not np.isfinite(norm):
                raise ShowtellError(
                    f"training diverged at update {progress.step + 1}: the gradient's norm is {norm}; "
                    f"lower learning_rate (now {recipe.learning_rate}) or clip_norm (now {recipe.clip_norm})"
                )
            done = progress.step - progress.reward_step
            rate = warmup_cosine(done, total, recipe.warmup_steps, peak)
            # at first the mean is over the few updates that there were
            keep = min(recipe.average, done / (done + 10))
            self.adam.update(
                self.decoder.params, grads, rate, clip_scale(norm, recipe.clip_norm), average=self.mean, keep=keep
            )
            progress.step += 1
            progress.batch += 1
            progress.seconds += time.monotonic() - start
            self.on_batch(progress.step, planned)
            if time.monotonic() - saved >= self.checkpoint_seconds:
                self._checkpoint()
                saved = time.monotonic()

    def _caption_gradients(self, rows: IntArray, rng: np.random.Generator) -> dict[str, Array]:
        """Of the cross-entropy of the captions in these rows."""
        recipe, train = self.recipe, self.data.train
        photos, photo = np.unique(train.photo_rows[rows], return_inverse=True)
        captions = trim(train.captions[rows])
        loss, grads = self.decoder.loss(
            self.data.batch(photos, rng, recipe.views),
            captions,
            photo,
            dropout=recipe.dropout,
            label_smoothing=recipe.label_smoothing,
            rng=rng,
        )
        self.progress.loss += loss * len(rows)
        self.progress.words += int((captions[:, 1:] != PAD).sum())
        return grads

    def _reward_gradients(self, rows: IntArray, rng: np.random.Generator) -> dict[str, Array]:
        """Of the expected reward, negative, of captions for the photos of these rows: without dropout."""
        recipe, decoder = self.recipe, self.decoder
        photos = np.unique(self.data.train.photo_rows[rows])
        # of the whole photo: no one is to speak of what he cannot see
        features = self.data.batch(photos, rng, min(recipe.views, WHOLE))
        hypotheses = sample_captions(decoder, features, recipe.samples, recipe.max_words, rng)
        of_photo = np.repeat(np.arange(len(photos)), recipe.samples)
        rewards = self._reward.score(hypotheses, self._place[photos[of_photo]])
        captions = as_captions(hypotheses)
        weight = advantages(rewards, recipe.samples).astype(features.dtype)
        _, grads = speaking(decoder).loss(features, captions, of_photo, weight=weight)
        self.progress.reward += float(rewards.sum())
        self.progress.sampled += len(rewards)
        self.progress.words += int((captions[:, 1:] != PAD).sum())
        return grads

    @functools.cached_property
    def _reward(self) -> Reward:
        return Reward(self.data.train.references, self.data.vocabulary)

    @functools.cached_property
    def _place(self) -> IntArray:
        """Where the photo in a row of the features stands among the training photos, (any rows,)."""
        place = np.zeros(len(self.data.features), np.intp)
        place[self.data.train.rows] = np.arange(len(self.data.train.rows))
        return place

    def _end_epoch(self) -> None:
        """Validate, keep the best, write down, and decide whether to go on."""
        progress = self.progress
        trained = (
            {"reward": progress.reward / progress.sampled}
            if self._rewarded
            else {"train_loss": progress.loss / progress.words}
        )
        averaged = self._averaged()
        record = {
            "epoch": progress.epoch + 1,
            **trained,
            "val_loss": self._validation_loss(averaged),
            **self._validation_scores(averaged),
            "words_per_second": progress.words / max(progress.seconds, 1e-9),
        }
        progress.epoch += 1
        progress.batch, progress.loss, progress.words, progress.seconds = 0, 0.0, 0, 0.0
        progress.reward, progress.sampled = 0.0, 0
        progress.history.append(record)
        if record["cider_d"] > progress.best:
            progress.best, progress.best_epoch = record["cider_d"], progress.epoch
            self._captioner(averaged).save(self.folder / BEST)
        self._end_of_stage()
        if progress.finished:
            # before the checkpoint: a run that is killed here ends its last epoch, and comes here, once more
            self._fit_confidence()
        self._checkpoint()
        lines = [json.dumps(entry) + "\n" for entry in progress.history]
        write_atomically(self.folder / METRICS, "".join(lines))
        self.on_epoch(record)

    def _end_of_stage(self) -> None:
        """Finish, or go on to the epochs on the reward, with the best weights and an optimizer that knows nothing."""
        recipe, progress = self.recipe, self.progress
        impatient = progress.epoch - progress.best_epoch >= recipe.patience
        if self._rewarded:
            progress.finished = impatient or progress.epoch - progress.reward_epoch >= recipe.reward_epochs
        elif impatient or progress.epoch >= recipe.epochs:
            progress.finished = recipe.reward_epochs == 0
            if not progress.finished:
                progress.reward_epoch, progress.reward_step = progress.epoch, progress.step
                for name, array in Captioner.load(self.folder / BEST).decoder.params.items():
                    self.decoder.params[name][...] = array
                self._begin_with({})

    def _averaged(self) -> CaptionDecoder:
        """The decoder with the mean of its weights, which stay as they are until the next update."""
        params = self.mean if self.recipe.average else self.decoder.params
        return self.decoder.with_params(params)

    def _batches(self, epoch: int) -> list[IntArray]:
        rng = np.random.default_rng([self.recipe.seed, _ORDER, epoch])
        return photo_batches(self.data.train.photo_rows, self.recipe.batch_size, rng)

    def _validation_loss(self, decoder: CaptionDecoder) -> float:
        """The cross-entropy of a word of the validation captions, in nats."""
        val, total, words = self.data.val, 0.0, 0
        for rows in photo_batches(val.photo_rows, self.recipe.batch_size, np.random.default_rng(0)):
            captions = trim(val.captions[rows])
            photos, photo = np.unique(val.photo_rows[rows], return_inverse=True)
            total += decoder.evaluate(self.data.batch(photos), captions, photo) * len(rows)
            words += int((captions[:, 1:] != PAD).sum())
        return total / words

    def _validation_scores(self, decoder: CaptionDecoder) -> dict[str, float]:
        """CIDEr-D and BLEU-4 of captions that the decoder writes for the validation photos."""
        captions = [caption.text for caption in self._validation_captions(self._captioner(decoder))]
        scores = score(captions, self.data.val.references)
        return {"cider_d": float(scores.cider_d), "bleu_4": float(scores.bleu[3])}

    def _validation_captions(self, captioner: Captioner) -> list[Caption]:
        """What a captioner writes for the validation photos."""
        rows = self.data.val.rows
        return [
            caption
            for start in range(0, len(rows), 64)
            for caption in captioner.caption_features(self.data.batch(rows[start : start + 64]))
        ]

    def _fit_confidence(self) -> None:
        """Let the best captioner know when it does not know, and what its photos did not show."""
        best = Captioner.load(self.folder / BEST)
        best.confidence = Confidence.fit(*evidence(self._validation_captions(best), self.data.val.references))
        if shipped_classes().encoder_identity == self.encoder_identity:
            blocks = np.array_split(self.data.train.rows, -(-len(self.data.train.rows) // 256))
            best.foreign = tuple(foreign_classes((self.data.features[rows] for rows in blocks), shipped_classes()))
        best.save(self.folder / BEST)

    def _captioner(self, decoder: CaptionDecoder) -> Captioner:
        progress, recipe = self.progress, self.recipe
        scores = {
            f"validation {name}": f"{progress.history[-1][name]:.4f}"
            for name in ("cider_d", "bleu_4")
            if progress.history
        }
        return Captioner(
            decoder,
            self.data.vocabulary,
            encoder_identity=self.encoder_identity,
            about=self.about | {"epoch": str(progress.epoch)} | scores,
            beam_width=recipe.beam_width,
            length_power=recipe.length_power,
            max_words=recipe.max_words,
            may_recur=self._may_recur,
        )

    @functools.cached_property
    def _may_recur(self) -> list[str]:
        return self.data.may_recur()

    def _checkpoint(self) -> None:
        tensors = {
            "params": self.decoder.params,
            "first": self.adam.first,
            "second": self.adam.second,
            "mean": self.mean,
        }
        save_checkpoint(self.folder / CHECKPOINT, self.progress, tensors)
