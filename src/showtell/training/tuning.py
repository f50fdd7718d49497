"""Fine-tuning the encoder with the decoder: torch computes only the encoder's own forward and backward passes.

    grid   = network(pixels)                                        torch
    loss   = the decoder's, with its gradient in the grid           showtell
    classes, objects = linear in the grid's mean                    torch

The gradient in the grid is handed to torch as that of its output. Beside it stand two losses that keep the features
general: the divergence of ImageNet's classes from what the untouched encoder said of the photo (Li & Hoiem 2017,
arXiv:1606.09282), and the objects that the photo is known to show, where it is known.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax

from showtell._util.cpu import usable_cores
from showtell._util.files import write_atomically
from showtell.captioning.decoder import CaptionDecoder
from showtell.nn.types import Array, IntArray
from showtell.training.batches import epoch_photos, trim
from showtell.training.checkpoint import check_tensors
from showtell.training.data import TrainingData
from showtell.training.folder import ENCODER
from showtell.training.object_head import object_targets
from showtell.training.objectives import Outcome, caption_weights, words_in
from showtell.training.recipe import Recipe
from showtell.training.schedule import Schedule
from showtell.training.stage import Stage
from showtell.training.tunable import Tunable
from showtell.vision.augmentation import augment
from showtell.vision.encoder import squash
from showtell.vision.photo import open_photo
from showtell.vision.torch_encoder import TorchEncoder

_BETAS, _EPSILON = (0.9, 0.999), 1e-8
# Batches of photos for calibrating the ranges of activations
_CALIBRATION = 8
_ENCODED = 32
# Initial logit of an object: most objects are absent
_RARE = -3.0
# Words that become wrong if the photo is mirrored
_SIDES = re.compile(r"\b(left|right)\b", re.IGNORECASE)


class EncoderTuning:
    """The cross-entropy of captions with the encoder trained too: the objective of the tuning stages.

    Photos 0 to P - 1 are the training photos, the next ones those without captions, whose objects are known.

    Args:
        data: the training data, with the features of the initial encoder.
        recipe: the settings.
        tunable: that encoder.
    """

    def __init__(self, data: TrainingData, recipe: Recipe, tunable: Tunable) -> None:
        self._data, self._recipe = data, recipe
        train, more = data.train, data.uncaptioned
        self._photos = train.photos + (more.photos if more else ())
        self._weights = caption_weights(train)
        listed = train.objects + (more.objects if more else ())
        names = sorted({name for objects in listed for name in objects or ()})
        self._shown = object_targets([objects or () for objects in listed], names)
        self._known = np.array([objects is not None for objects in listed])
        self._one_sided = [any(map(_SIDES.search, captions)) for captions in train.references]
        self._one_sided += [False] * (len(self._photos) - len(self._one_sided))
        rows = np.concatenate([train.rows, *([more.rows] if more else [])])
        blocks = np.array_split(rows, -(-len(rows) // 256))
        self._classes = np.concatenate([tunable.classes.probabilities(data.features[block]) for block in blocks])
        self._tuner = EncoderTuner(
            tunable.model,
            tunable.classes.classifier,
            len(names),
            clip_norm=recipe.clip_norm,
            class_weight=recipe.class_weight,
            object_weight=recipe.object_weight,
            learning=recipe.tune_layers,
        )
        self._stage: Stage | None = None
        self._averaged: TorchEncoder | None = None

    def begin(self, stage: Stage, groups: Mapping[str, Mapping[str, NDArray[Any]]], steps: int) -> None:
        """Begin a stage, or go on in it with what a checkpoint holds, `steps` updates after its beginning."""
        self._stage, rounds = stage, stage.kind == "quantization"
        if "encoder" in groups:
            self._tuner.restore(groups, steps)
        else:
            self._tuner.begin()
            if rounds:
                rng = np.random.default_rng([self._recipe.seed, len(self._photos)])
                chosen = rng.permutation(len(self._photos))[: _CALIBRATION * _ENCODED]
                blocks = np.array_split(chosen, -(-len(chosen) // _ENCODED))
                self._tuner.quantize(self._pixels([self._photos[p] for p in block]) for block in blocks)

    def batches(self, epoch: int, rng: np.random.Generator) -> list[IntArray]:
        """Batches of `tune_photos` photos."""
        train = self._data.train
        more = len(self._photos) - len(train.rows)
        photos = rng.permutation(np.concatenate([epoch_photos(train.sets, rng), len(train.rows) + np.arange(more)]))
        return np.array_split(photos, -(-len(photos) // self._recipe.tune_photos))

    def gradients(
        self, decoder: CaptionDecoder, photos: IntArray, rng: np.random.Generator, schedule: Schedule
    ) -> Outcome:
        """Of the cross-entropy of the captions of some photos, the decoder's; the encoder takes its step."""
        assert self._stage is not None
        train, recipe = self._data.train, self._recipe
        self._averaged = None
        grids = self._tuner.forward(self._augmented(photos, rng))
        captioned = np.flatnonzero(photos < len(train.rows))
        dgrids = np.zeros_like(grids)
        outcome = Outcome({name: np.zeros_like(array) for name, array in decoder.params.items()}, 0)
        if captioned.size:
            rows, photo = train.captions_of(photos[captioned])
            captions = trim(train.captions[rows])
            loss, grads = decoder.loss(
                grids[captioned],
                captions,
                photo,
                dropout=recipe.dropout,
                label_smoothing=recipe.label_smoothing,
                weight=self._weights[rows],
                rng=rng,
                with_features=True,
            )
            dgrids[captioned] = grads.pop("features")
            outcome = Outcome(grads, words_in(captions), loss=loss * len(captions))
        self._tuner.backward(dgrids, self._classes[photos], self._shown[photos], self._known[photos])
        self._tuner.update(schedule.rate(self._stage.encoder_rate), schedule.ema_decay)
        return outcome

    def validation_features(self, photos: IntArray) -> NDArray[np.float32]:
        """The grids of some validation photos, by the moving average of the encoder's weights."""
        self._averaged = self._averaged or self._tuner.averaged()
        blocks = np.array_split(photos, -(-len(photos) // _ENCODED))
        pixels = (self._pixels([self._data.val.photos[p] for p in block]) for block in blocks)
        return np.concatenate([self._tuner.encode(self._averaged, block) for block in pixels])

    def write(self, folder: Path) -> None:
        """Write the encoder as the run's `encoder.onnx`: the moving average of its weights.

        The recipe's `tune_average` is its share in the mean with the weights that the encoder began with (model soups,
        Wortsman et al. 2022, arXiv:2203.05482).
        """
        write_atomically(folder / ENCODER, self._tuner.averaged(self._recipe.tune_average).to_onnx())

    def state(self) -> dict[str, dict[str, NDArray[Any]]]:
        """The encoder's weights, moments, moving average and ranges."""
        return self._tuner.state()

    def _augmented(self, photos: IntArray, rng: np.random.Generator) -> NDArray[np.uint8]:
        side = self._tuner.network.side
        seeds = rng.integers(2**63, size=len(photos))

        def one(photo: int, seed: int) -> NDArray[np.uint8]:
            mirror = not self._one_sided[photo]
            return augment(open_photo(self._photos[photo]), side, np.random.default_rng(seed), mirror=mirror)

        with ThreadPoolExecutor(usable_cores()) as workers:
            return np.stack(list(workers.map(one, photos.tolist(), seeds.tolist())))

    def _pixels(self, photos: Sequence[Path]) -> NDArray[np.uint8]:
        with ThreadPoolExecutor(usable_cores()) as workers:
            return np.stack(list(workers.map(lambda photo: np.asarray(squash(open_photo(photo))), photos)))


class EncoderTuner:
    """The encoder's weights, their optimizer and their exponential moving average, on the GPU if torch finds one.

    Args:
        model: the encoder's file.
        classifier: weights (F, K) and bias (K,) of the classes that the encoder was taught; they stay as they are.
        objects: how many objects photos may be known to show.
        clip_norm: the gradient's norm is at most this.
        class_weight: weight of the divergence of the class probabilities.
        object_weight: weight of the cross-entropy of a photo's objects, summed over them.
        learning: how many of the encoder's convolutions learn, the last ones; 0: all.
    """

    def __init__(
        self,
        model: bytes,
        classifier: tuple[Array, Array],
        objects: int,
        *,
        clip_norm: float = 5.0,
        class_weight: float = 1.0,
        object_weight: float = 1.0,
        learning: int = 0,
        device: str | None = None,
    ) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.network = TorchEncoder(model, learning).to(self.device)
        self._classifier = tuple(torch.from_numpy(np.asarray(a, np.float32)).to(self.device) for a in classifier)
        self.head = {
            "objects.W": torch.nn.Parameter(torch.zeros(len(self._classifier[0]), objects, device=self.device)),
            "objects.b": torch.nn.Parameter(torch.full((objects,), _RARE, device=self.device)),
        }
        self.clip_norm, self.class_weight, self.object_weight = clip_norm, class_weight, object_weight
        self.params: dict[str, torch.nn.Parameter] = _learning(self.network) | self.head
        self.ema = {name: value.detach().clone() for name, value in self.params.items()}
        self._initial = {name: value.clone() for name, value in self.ema.items()}
        self._grid: Tensor | None = None
        self.begin()

    def begin(self) -> None:
        """Begin a stage: from the moving average, with an optimizer that knows nothing."""
        with torch.no_grad():
            for name, value in self.params.items():
                value.copy_(self.ema[name])
        self.exp_avg = {name: torch.zeros_like(value) for name, value in self.params.items()}
        self.exp_avg_sq = {name: torch.zeros_like(value) for name, value in self.params.items()}
        self.steps = 0

    def forward(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The grids (N, P, F) of photos, (N, S, S, 3), kept for `backward`."""
        self._grid = self.network(self._pixels(photos))
        grid: NDArray[np.float32] = self._grid.detach().float().cpu().numpy()
        return grid

    def backward(
        self, dgrid: Array, classes: Array, objects: NDArray[np.bool_], known: NDArray[np.bool_]
    ) -> dict[str, float]:
        """The gradients of all weights, given that of the captions' loss in the grids.

        Args:
            dgrid: (N, P, F).
            classes: the probability of each class that the untouched encoder gave each photo, (N, K).
            objects: which objects each photo shows, (N, C).
            known: of which photos that is known, (N,).

        Returns:
            The losses beside the captions', each a mean over the photos that have it.
        """
        assert self._grid is not None
        pooled = self._grid.mean(dim=1)
        target = torch.from_numpy(np.asarray(classes, np.float32)).to(self.device)
        W, b = self._classifier
        divergence = (torch.xlogy(target, target) - target * log_softmax(pooled @ W + b, dim=1)).sum(dim=1)
        labels = torch.from_numpy(objects.astype(np.float32)).to(self.device)
        mask = torch.from_numpy(known.astype(np.float32)).to(self.device)
        logits = pooled @ self.head["objects.W"] + self.head["objects.b"]
        errors = binary_cross_entropy_with_logits(logits, labels, reduction="none").sum(dim=1)
        objects_loss = (errors * mask).sum() / len(labels)
        beside = self.class_weight * divergence.mean() + self.object_weight * objects_loss
        for parameter in self.params.values():
            parameter.grad = None
        gradient = torch.from_numpy(np.ascontiguousarray(dgrid, np.float32)).to(self.device)
        torch.autograd.backward([self._grid, beside], [gradient, torch.ones_like(beside)])
        self._grid = None
        return {
            "classes": float(divergence.mean().detach()),
            "objects": float((errors * mask).sum().detach() / mask.sum().clamp(min=1)),
        }

    def update(self, rate: float, ema_decay: float) -> float:
        """One step of Adam (Kingma & Ba 2015) against the gradients, and of the moving average; returns their norm."""
        self.steps += 1
        params: list[Tensor] = list(self.params.values())
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in params]
        exp_avg, exp_avg_sq, ema = (list(d.values()) for d in (self.exp_avg, self.exp_avg_sq, self.ema))
        with torch.no_grad():
            norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in grads]))
            scale = (self.clip_norm / norm.clamp(min=1e-12)).clamp(max=1.0)
            torch._foreach_mul_(grads, scale)
            torch._foreach_lerp_(exp_avg, grads, 1 - _BETAS[0])
            torch._foreach_mul_(exp_avg_sq, _BETAS[1])
            torch._foreach_addcmul_(exp_avg_sq, grads, grads, value=1 - _BETAS[1])
            roots = torch._foreach_sqrt(exp_avg_sq)
            torch._foreach_div_(roots, (1 - _BETAS[1] ** self.steps) ** 0.5)
            torch._foreach_add_(roots, _EPSILON)
            torch._foreach_addcdiv_(params, exp_avg, roots, value=-rate / (1 - _BETAS[0] ** self.steps))
            torch._foreach_lerp_(ema, params, 1 - ema_decay)
        return float(norm)

    def averaged(self, share: float = 1.0) -> TorchEncoder:
        """The network with the moving average of its weights, a copy.

        With a share below 1, it has the mean of that and the weights that it began with.
        """
        network: TorchEncoder = copy.deepcopy(self.network)
        with torch.no_grad():
            for name, value in _learning(network).items():
                value.copy_(torch.lerp(self._initial[name], self.ema[name], share))
        return network

    def encode(self, network: TorchEncoder, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The grids (N, P, F) of photos, (N, S, S, 3), without gradients."""
        with torch.no_grad():
            grid: NDArray[np.float32] = network(self._pixels(photos)).float().cpu().numpy()
        return grid

    def quantize(self, batches: Iterable[NDArray[np.uint8]]) -> None:
        """Round weights and activations from now on (`TorchEncoder.quantize`)."""
        self.network.quantize(self._pixels(photos) for photos in batches)

    def state(self) -> dict[str, dict[str, NDArray[Any]]]:
        """What a checkpoint holds, as groups of named arrays."""
        found = {
            group: {name: value.detach().cpu().numpy() for name, value in tensors.items()}
            for group, tensors in self._groups().items()
        }
        return found | {"encoder_ranges": {name: np.array(ends) for name, ends in self.network.ranges.items()}}

    def restore(self, groups: Mapping[str, Mapping[str, NDArray[Any]]], steps: int) -> None:
        """Take up what `state` gave.

        Raises:
            ShowtellError: something is missing, or is of another encoder.
        """
        own = self._groups()
        shapes = {group: {name: tuple(value.shape) for name, value in own[group].items()} for group in own}
        check_tensors("what is known of the encoder", groups, shapes)
        with torch.no_grad():
            for group, tensors in self._groups().items():
                for name, value in tensors.items():
                    value.copy_(torch.from_numpy(np.asarray(groups[group][name])))
        self.network.ranges = {
            name: (float(low), float(high)) for name, (low, high) in groups.get("encoder_ranges", {}).items()
        }
        self.steps = steps

    def _groups(self) -> Mapping[str, Mapping[str, Tensor]]:
        return {
            "encoder": self.params,
            "encoder_exp_avg": self.exp_avg,
            "encoder_exp_avg_sq": self.exp_avg_sq,
            "encoder_ema": self.ema,
        }

    def _pixels(self, photos: NDArray[np.uint8]) -> Tensor:
        """Bytes (N, S, S, 3) to the network's input, in torch's channels-last layout."""
        bytes_ = torch.from_numpy(np.ascontiguousarray(photos)).to(self.device)
        return (bytes_.permute(0, 3, 1, 2).float() - 127) / 128


def _learning(network: TorchEncoder) -> dict[str, torch.nn.Parameter]:
    return {name: value for name, value in network.named_parameters() if value.requires_grad}
