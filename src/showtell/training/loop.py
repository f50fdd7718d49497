"""The training loop: epochs of updates, validation after each, and checkpoints to resume from."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from showtell._util.files import write_atomically
from showtell.captioning.captioner import Captioner
from showtell.captioning.class_fallback import find_out_of_domain_classes
from showtell.captioning.classes import shipped_classes
from showtell.captioning.confidence import Confidence
from showtell.captioning.config import DecoderConfig
from showtell.captioning.decoder import CaptionDecoder
from showtell.captioning.parameters import initialize, parameter_shapes, statistics_shapes
from showtell.errors import ShowtellError
from showtell.evaluation.confidence import calibration_data
from showtell.nn import kernels
from showtell.nn.types import Array, IntArray
from showtell.training.adam import Adam, clip_scale, gradient_norm
from showtell.training.checkpoint import Progress, check_tensors, resume, save_checkpoint
from showtell.training.data import TrainingData
from showtell.training.folder import BEST, CHECKPOINT, ENCODER, METRICS
from showtell.training.object_head import object_head
from showtell.training.objectives import CrossEntropy, Objective, SelfCritical
from showtell.training.recipe import Recipe
from showtell.training.schedule import Schedule
from showtell.training.shards import Compute, Sharded, sum_of_shards
from showtell.training.stage import Stage, stages
from showtell.training.tunable import Tunable
from showtell.training.validation import Validation
from showtell.vision.encoder import Encoder

if TYPE_CHECKING:
    from showtell.training.tuning import EncoderTuning

CHECKPOINT_SECONDS = 60.0
"""The time between two checkpoints within an epoch, if nothing else is said."""
# Random streams, besides the seed
_WEIGHTS, _ORDER, _UPDATE = range(3)
_OBJECTS = 4
# The scores stored with a captioner, by prefix
_TOLD = ("cide", "bleu")


class Trainer:
    """One training run in one folder: the stages of its recipe, one after the other.

    The folder holds, after each epoch: `best.safetensors`, the captioner with the best validation CIDEr-D so far, the
    mean over the data sets, and after the last epoch with its confidence; `metrics.jsonl`, a record an epoch; and
    `checkpoint.safetensors`. A new trainer on the same folder resumes where the last one was stopped or
    killed. The result is bit-identical to an uninterrupted run on the same machine with the same number of threads.

    Args:
        data: the training data.
        recipe: the settings.
        folder: where the run is kept; made if missing.
        encoder_identity: of the encoder that made the features.
        encoder: it itself, if the captioner is to carry it.
        tunable: the encoder to fine-tune; required if the recipe does that.
        about: facts stored with the captioner, besides its scores.
        checkpoint_seconds: the time between two checkpoints within an epoch.
        compute_shards: computes the shards of a batch, where the recipe has them; it must give `sum_of_shards`.
        on_batch: called after each update with the updates done and those there are until the stage ends.
        on_epoch: called after each epoch with its record.

    Raises:
        ShowtellError: the checkpoint in the folder is damaged, or the captioner that it tells of is missing or damaged.
    """

    def __init__(
        self,
        data: TrainingData,
        recipe: Recipe,
        folder: str | os.PathLike[str],
        *,
        encoder_identity: str,
        encoder: Encoder | None = None,
        tunable: Tunable | None = None,
        about: dict[str, str] | None = None,
        checkpoint_seconds: float | None = None,
        compute_shards: Compute = sum_of_shards,
        on_batch: Callable[[int, int], None] = lambda done, total: None,
        on_epoch: Callable[[dict[str, float]], None] = lambda record: None,
    ) -> None:
        self.data, self.recipe, self.folder = data, recipe, Path(folder)
        self.encoder_identity, self.about = encoder_identity, dict(about or {})
        self.tunable, self.encoder, self.compute_shards = tunable, encoder, compute_shards
        self.tuning: EncoderTuning | None = None
        self.checkpoint_seconds = CHECKPOINT_SECONDS if checkpoint_seconds is None else checkpoint_seconds
        self.on_batch, self.on_epoch = on_batch, on_epoch
        self.folder.mkdir(parents=True, exist_ok=True)
        self.stages = stages(recipe, texts=data.texts is not None and recipe.attention_dim > 0)
        self.progress, groups = resume(self.folder)
        if any(stage.tunes for stage in self.stages[: self.progress.stage]) and not self.stage.tunes:
            self._use_tuned_encoder()
        config = DecoderConfig(
            vocab_size=len(data.vocabulary),
            feature_dim=data.features.shape[-1],
            embed_dim=recipe.embed_dim,
            hidden_dim=recipe.hidden_dim,
            attention_dim=recipe.attention_dim,
            heads=recipe.heads,
            cell=recipe.cell,
            activation=recipe.activation,
        )
        if groups:
            weights = dict.fromkeys(("params", "exp_avg", "exp_avg_sq", "ema"), parameter_shapes(config))
            check_tensors(self.folder / CHECKPOINT, groups, weights | {"statistics": statistics_shapes(config)})
        rng = np.random.default_rng([recipe.seed, _WEIGHTS])
        self.decoder = CaptionDecoder(
            config,
            groups.get("params") or initialize(config, rng, init=recipe.init, forget_bias=recipe.forget_bias),
            groups.get("statistics") or self.data.statistics(),
            precision=kernels.fastest_precision() if recipe.precision == "auto" else recipe.precision,
        )
        self._begin_stage(groups)

    @property
    def stage(self) -> Stage:
        """The stage that the run is in; the last one if it is over."""
        return self.stages[min(self.progress.stage, len(self.stages) - 1)]

    def run(self) -> Progress:
        """Train through all stages; a stage ends early if the score has not improved for the recipe's patience.

        Raises:
            ShowtellError: the loss is no longer a finite number; the last checkpoint is from before.
        """
        self._write_metrics()  # one that was killed after its checkpoint has not
        while not self.progress.finished:
            self._epoch()
            self._end_epoch()
        return self.progress

    def _begin_stage(self, groups: dict[str, dict[str, Array]]) -> None:
        """Restore or create the optimizer's state and the moving average, and create the stage's objective."""
        self.adam = Adam(self.decoder.params)
        self.ema = {name: array.copy() for name, array in self.decoder.params.items()}
        if groups:
            self.adam.exp_avg, self.adam.exp_avg_sq, self.ema = groups["exp_avg"], groups["exp_avg_sq"], groups["ema"]
            self.adam.steps = self.progress.step - self.progress.stage_step
        self.objective = self._objective(groups)

    def _objective(self, groups: dict[str, dict[str, Array]]) -> Objective:
        recipe, stage = self.recipe, self.stage
        if stage.kind == "scst":
            return SelfCritical(self.data, recipe)
        if not stage.tunes:
            objective = CrossEntropy(self.data, recipe, stage.text_epochs)
            return objective if recipe.shards == 1 else Sharded(objective, recipe, self.compute_shards)
        if self.tuning is None:
            from showtell.training.tuning import EncoderTuning

            assert self.tunable is not None
            self.tuning = EncoderTuning(self.data, recipe, self.tunable)
        self.tuning.begin(stage, groups, self.adam.steps)
        return self.tuning

    def _epoch(self) -> None:
        """The updates of one epoch, from where the progress says."""
        recipe, progress, stage = self.recipe, self.progress, self.stage
        batches = self._batches(progress.epoch)
        total = stage.epochs * len(batches)
        saved = time.monotonic()
        for photos in batches[progress.batch :]:
            start = time.monotonic()
            rng = np.random.default_rng([recipe.seed, _UPDATE, progress.step])
            done = progress.step - progress.stage_step
            schedule = Schedule(done, total, recipe.warmup_steps, recipe.ema_decay)
            found = self.objective.gradients(self.decoder, photos, rng, schedule)
            norm = gradient_norm(found.grads)
            if not np.isfinite(norm):
                raise ShowtellError(
                    f"training diverged at update {progress.step + 1}: the gradient's norm is {norm}; "
                    f"lower the rate (now {stage.rate}) or clip_norm (now {recipe.clip_norm})"
                )
            self.adam.update(
                self.decoder.params,
                found.grads,
                schedule.rate(stage.rate),
                clip_scale(norm, recipe.clip_norm),
                ema=self.ema,
                ema_decay=schedule.ema_decay,
            )
            progress.step += 1
            progress.batch += 1
            progress.words += found.words
            progress.loss += found.loss
            progress.reward += found.reward
            progress.sampled += found.sampled
            progress.seconds += time.monotonic() - start
            self.on_batch(progress.step, progress.stage_step + total)
            if time.monotonic() - saved >= self.checkpoint_seconds:
                self._checkpoint()
                saved = time.monotonic()

    def _end_epoch(self) -> None:
        """Validate, save the best captioner and the metrics, and decide whether to continue."""
        progress = self.progress
        trained = (
            {"reward": progress.reward / progress.sampled}
            if progress.sampled
            else {"train_loss": progress.loss / progress.words}
        )
        captioner = self._captioner(self._averaged())
        record = {
            "epoch": progress.epoch + 1,
            **trained,
            **self._validation().scores(captioner),
            "words_per_second": progress.words / max(progress.seconds, 1e-9),
        }
        progress.epoch += 1
        progress.batch, progress.loss, progress.words, progress.seconds = 0, 0.0, 0, 0.0
        progress.reward, progress.sampled = 0.0, 0
        progress.history.append(record)
        if record["cider_d"] > progress.best and not self.stage.tunes:
            progress.best, progress.best_epoch = record["cider_d"], progress.epoch
            captioner.about |= {"epoch": str(progress.epoch)}
            captioner.about |= {f"validation {name}": f"{record[name]:.4f}" for name in record if name[:4] in _TOLD}
            captioner.save(self.folder / BEST)
        self._end_stage()
        self._checkpoint()
        self._write_metrics()
        self.on_epoch(record)

    def _write_metrics(self) -> None:
        if self.progress.history:
            lines = [json.dumps(entry) + "\n" for entry in self.progress.history]
            write_atomically(self.folder / METRICS, "".join(lines))

    def _end_stage(self) -> None:
        """If the stage is over, begin the next one with its best weights and a new optimizer."""
        progress, stage = self.progress, self.stage
        impatient = not stage.tunes and progress.epoch - progress.best_epoch >= self.recipe.patience
        if progress.epoch - progress.stage_epoch < stage.epochs and not impatient:
            return
        if progress.stage == len(self.stages) - 1:
            # before the checkpoint: a run killed here repeats the end of its last epoch
            self._finish()
            progress.finished = True
            return
        for name, array in self._next_weights().items():
            self.decoder.params[name][...] = array
        progress.stage += 1
        progress.stage_epoch, progress.stage_step = progress.epoch, progress.step
        if self.tuning and not self.stage.tunes:
            self.tuning.write(self.folder)
            self.tuning = None
            self._use_tuned_encoder()
            progress.best, progress.best_epoch = float("-inf"), progress.epoch
        self._begin_stage({})

    def _next_weights(self) -> dict[str, Array]:
        """What the next stage begins with: the best captioner's weights.

        After a stage that tunes the encoder those of the last epoch, or their mean with those before, as the encoder's.
        """
        following = self.stages[self.progress.stage + 1]
        if self.stage.tunes and following.tunes:
            return self.ema
        before = Captioner.load(self.folder / BEST).decoder.params
        if not self.stage.tunes:
            return before
        share = self.recipe.tune_average
        return {name: share * self.ema[name] + (1 - share) * before[name] for name in before}

    def _use_tuned_encoder(self) -> None:
        """Continue with the features of the tuned encoder."""
        assert self.tunable is not None
        self.encoder = Encoder(self.folder / ENCODER)
        self.encoder_identity = self.encoder.identity
        self.data = self.tunable.encode(self.encoder)

    def _averaged(self) -> CaptionDecoder:
        """The decoder with the moving average of its weights; valid until the next update."""
        params = self.ema if self.recipe.ema_decay else self.decoder.params
        return self.decoder.with_params(params)

    def _batches(self, epoch: int) -> list[IntArray]:
        rng = np.random.default_rng([self.recipe.seed, _ORDER, epoch])
        return self.objective.batches(epoch - self.progress.stage_epoch, rng)

    def _validation(self) -> Validation:
        return Validation(self.data.val, self.data.sets, self.objective.validation_features, self.recipe.batch_size)

    def _finish(self) -> None:
        """Add the object head, the confidence and the out-of-domain classes to the best captioner."""
        best = Captioner.load(self.folder / BEST)
        best.confidence, best.out_of_domain_classes = None, ()  # confidence is fitted on sentences, not on class names
        if best.decoder.config.attention_dim:
            best.objects = object_head(self.data, np.random.default_rng([self.recipe.seed, _OBJECTS]))
        if self.tunable:  # the decoder has the statistics of before the tuning
            best.photo_statistics = self.data.statistics()
        written = self._validation().captions(best)
        best.confidence = Confidence.fit(*calibration_data(written, self.data.val.references))
        if shipped_classes().encoder_identity == (self.tunable.identity if self.tunable else self.encoder_identity):
            blocks = np.array_split(self.data.train.rows, -(-len(self.data.train.rows) // 256))
            features = (self.data.features[rows] for rows in blocks)
            best.out_of_domain_classes = tuple(find_out_of_domain_classes(features, shipped_classes()))
        best.save(self.folder / BEST)

    def _captioner(self, decoder: CaptionDecoder) -> Captioner:
        recipe = self.recipe
        return Captioner(
            decoder,
            self.data.vocabulary,
            encoder=self.encoder,
            encoder_identity=self.encoder_identity,
            about=self.about,
            beam_width=recipe.beam_width,
            length_penalty=recipe.length_penalty,
            max_words=recipe.max_words,
            repeatable_words=self._repeatable_words,
        )

    @functools.cached_property
    def _repeatable_words(self) -> list[str]:
        return self.data.repeatable_words()

    def _checkpoint(self) -> None:
        tensors = {
            "params": self.decoder.params,
            "statistics": self.decoder.statistics,
            "exp_avg": self.adam.exp_avg,
            "exp_avg_sq": self.adam.exp_avg_sq,
            "ema": self.ema,
        }
        save_checkpoint(self.folder / CHECKPOINT, self.progress, tensors | self.objective.state())
