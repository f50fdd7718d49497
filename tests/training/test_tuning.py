from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

pytest.importorskip("torch", reason="needs the extra tune")
pytest.importorskip("onnx", reason="needs the extra tune")

import torch

from decoders import fresh_decoder
from showtell.captioning.captioner import Captioner
from showtell.datasets.synthetic import draw_shapes
from showtell.text.vocabulary import END, START
from showtell.training.checkpoint import load_checkpoint
from showtell.training.folder import BEST, CHECKPOINT, ENCODER
from showtell.training.loop import Trainer
from showtell.training.recipe import Recipe
from showtell.training.run import train
from showtell.training.tuning import EncoderTuner
from showtell.vision.encoder import Encoder
from showtell.vision.photo import open_photo
from showtell.vision.torch_encoder import TorchEncoder

pytestmark = [pytest.mark.oracle, pytest.mark.slow, pytest.mark.usefixtures("no_curve")]

RECIPE = Recipe(
    embed_dim=8,
    hidden_dim=16,
    attention_dim=12,
    heads=2,
    epochs=1,
    tune_encoder=True,
    tune_epochs=1,
    quantize_epochs=1,
    tune_photos=3,
    refine_epochs=1,
    scst_epochs=0,
    augmentations=1,
    batch_size=8,
    min_count=1,
    max_words=8,
)
CLASSES = 5


def tuner(encoder: Encoder) -> EncoderTuner:
    rng = np.random.default_rng(0)
    classifier = 0.1 * rng.standard_normal((1280, CLASSES)), np.zeros(CLASSES)
    return EncoderTuner(encoder.model, classifier, 3, class_weight=2.0, object_weight=3.0, device="cpu")


def test_the_gradient_of_the_whole_is_the_slope(encoder: Encoder) -> None:
    """Of captions, classes and objects together, along the encoder's own gradient, by finite differences."""
    ours, rng = tuner(encoder), np.random.default_rng(1)
    photos = rng.integers(0, 256, (2, 260, 260, 3), np.uint8)
    decoder = fresh_decoder(9, 1280, 8, 8, attention_dim=8, heads=2, rng=rng, precision="float32")
    captions = np.array([[START, 5, 6, END], [START, 7, END, 0], [START, 8, 4, END]])
    photo = np.array([0, 0, 1])
    classes = rng.dirichlet(np.ones(CLASSES), 2)
    shown, known = np.array([[True, False, False], [False, True, True]]), np.array([True, False])

    def loss() -> float:
        grids = ours.forward(photos)
        captions_loss, grads = decoder.loss(grids, captions, photo, with_features=True)
        beside = ours.backward(grads["features"], classes, shown, known)
        return captions_loss + 2.0 * beside["classes"] + 3.0 * beside["objects"] * known.sum() / len(known)

    loss()
    gradients = {name: value.grad.clone() for name, value in ours.params.items() if value.grad is not None}
    norm = float(torch.stack([g.square().sum() for g in gradients.values()]).sum().sqrt())
    step, slopes = 3e-4, []  # short: the network has a kink at every 0 and 6
    for sign in (1, -1):
        with torch.no_grad():
            for name, gradient in gradients.items():
                ours.params[name].add_(gradient, alpha=sign * step / norm)
        slopes.append(loss())
        with torch.no_grad():
            for name, gradient in gradients.items():
                ours.params[name].sub_(gradient, alpha=sign * step / norm)
    assert (slopes[0] - slopes[1]) / (2 * step) == pytest.approx(norm, rel=0.03)


def test_unlabelled_photo_has_no_object_reward(encoder: Encoder) -> None:
    ours = tuner(encoder)
    photos = np.random.default_rng(1).integers(0, 256, (1, 260, 260, 3), np.uint8)
    grids = ours.forward(photos)
    ours.backward(np.zeros_like(grids), np.full((1, CLASSES), 1 / CLASSES), np.ones((1, 3), bool), np.zeros(1, bool))
    gradient = ours.params["objects.W"].grad
    assert gradient is not None
    assert not gradient.any()


def test_layers_that_do_not_learn_are_those_of_before(encoder: Encoder) -> None:
    classifier = np.zeros((1280, CLASSES)), np.zeros(CLASSES)
    ours = EncoderTuner(encoder.model, classifier, 3, learning=3, device="cpu")
    before = {name: value.clone() for name, value in ours.averaged().named_parameters()}
    grids = ours.forward(np.random.default_rng(1).integers(0, 256, (1, 260, 260, 3), np.uint8))
    ours.backward(np.ones_like(grids), np.ones((1, CLASSES)), np.ones((1, 3), bool), np.ones(1, bool))
    ours.update(1e-3, 0.5)
    changed = {
        name.split(".")[0] for name, value in ours.averaged().named_parameters() if not torch.equal(value, before[name])
    }
    assert len(changed) == 3
    restored = EncoderTuner(encoder.model, classifier, 3, learning=3, device="cpu")
    restored.restore(ours.state(), 1)
    assert restored.averaged().to_onnx() == ours.averaged().to_onnx()


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve drawings: four updates an epoch."""
    return draw_shapes(tmp_path_factory.mktemp("few"), 12, np.random.default_rng(0)).parent


def test_mean_of_the_weights_before_and_after(encoder: Encoder) -> None:
    ours = tuner(encoder)
    with torch.no_grad():
        for name in ours.ema:
            ours.ema[name] += 1
    before, half, after = (dict(ours.averaged(share).named_parameters()) for share in (0.0, 0.5, 1.0))
    for name, value in TorchEncoder(encoder.model).named_parameters():
        torch.testing.assert_close(before[name], value)
        torch.testing.assert_close(half[name], value + 0.5)
        torch.testing.assert_close(after[name], value + 1)


@pytest.mark.slow
def test_nothing_of_the_tuning_is_the_encoder_and_the_decoder_of_before(
    drawn: Path, stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = {}

    def stop(self: Trainer) -> None:
        begun.update(self.decoder.params)
        raise KeyboardInterrupt

    recipe = structs.replace(RECIPE, tune_average=0.0, quantize_epochs=0)
    monkeypatch.setattr(Trainer, "_use_tuned_encoder", stop)
    with pytest.raises(KeyboardInterrupt):
        train(drawn, recipe, tmp_path, features=stored)
    for name, value in Captioner.load(tmp_path / BEST).decoder.params.items():
        np.testing.assert_array_equal(begun[name], value)
    with_weights_of_before = Encoder(tmp_path / ENCODER)
    photo = [open_photo(drawn / "images" / "00000.png")]
    np.testing.assert_allclose(with_weights_of_before.encode(photo), Encoder().encode(photo), atol=0.05)


@pytest.fixture(scope="module")
def whole(few: Path, stored: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "run"
    train(few, RECIPE, folder, features=stored)
    return folder


def test_a_captioner_carries_its_encoder(whole: Path, few: Path) -> None:
    captioner = Captioner.load(whole / BEST)
    assert captioner.encoder.model == (whole / ENCODER).read_bytes()
    assert captioner.encoder.identity == captioner.encoder_identity == Encoder(whole / ENCODER).identity
    assert captioner.encoder_identity != Encoder().identity
    assert captioner.caption(few / "images" / "00000.png").text.endswith(".")


def test_a_run_that_is_stopped_while_it_tunes_ends_the_same(
    whole: Path, few: Path, stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    updates = 0
    update = EncoderTuner.update

    def stop_at_the_eighth(self: EncoderTuner, rate: float, ema_decay: float) -> float:
        nonlocal updates
        updates += 1
        if updates in (2, 5):  # while it tunes, and while it is rounded too
            raise KeyboardInterrupt
        return update(self, rate, ema_decay)

    monkeypatch.setattr(EncoderTuner, "update", stop_at_the_eighth)
    monkeypatch.setattr("showtell.training.loop.CHECKPOINT_SECONDS", 0.0)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            train(few, RECIPE, tmp_path, features=stored)
    train(few, RECIPE, tmp_path, features=stored)
    assert (tmp_path / ENCODER).read_bytes() == (whole / ENCODER).read_bytes()
    assert (tmp_path / BEST).read_bytes() == (whole / BEST).read_bytes()
    (_, ours), (_, theirs) = (load_checkpoint(folder / CHECKPOINT) for folder in (tmp_path, whole))
    for name, array in ours["params"].items():
        assert array.tobytes() == theirs["params"][name].tobytes(), name


def test_without_attention_the_encoder_cannot_be_tuned(few: Path, stored: Path, tmp_path: Path) -> None:
    from showtell.errors import ShowtellError

    with pytest.raises(ShowtellError, match="attention_dim is 0"):
        train(few, structs.replace(RECIPE, attention_dim=0, heads=1), tmp_path / "run", features=stored)
