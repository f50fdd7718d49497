from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

import showtell
from conftest import PHOTOS
from showtell.captioning.caption import Caption
from showtell.captioning.captioner import Captioner
from showtell.captioning.class_fallback import CONFIDENCE_THRESHOLD
from showtell.captioning.confidence import Confidence
from showtell.captioning.familiarity import familiarity, mark_unfamiliar
from showtell.errors import ModelError, NoCaptionError
from showtell.vision.photo import list_photos

MEAN, SCALE = np.array([3.0, 1.0, 0.0]), np.array([0.5, 0.5, 0.5])
STATISTICS = {"feature_mean": MEAN, "feature_scale": SCALE}
LIKE, UNLIKE = np.array([[3.0, 0.9, 0.1]]), np.array([[0.0, 0.2, 3.0]])
UNSURE = Caption("A dog.", -3.0, (("a", 0.5), ("dog", 0.2)), confidence=CONFIDENCE_THRESHOLD / 2)


def test_it_is_about_1_for_the_training_photos_and_0_for_what_has_nothing_in_common() -> None:
    drawn = np.random.default_rng(0).normal(MEAN, SCALE, (2000, 3))
    assert familiarity(drawn, MEAN, SCALE).mean() == pytest.approx(1, abs=0.02)
    assert familiarity(np.array([[0, 0, 2.0], [0, 0, 0]]), MEAN, SCALE).tolist() == [0, 1]


@given(st.floats(0.01, 100))
def test_brightness_does_not_matter_and_a_grid_counts_by_its_mean(factor: float) -> None:
    expected = familiarity(LIKE, MEAN, SCALE)
    grid = LIKE[:, None] * factor + np.array([-0.5, 0, 0.5])[:, None]
    np.testing.assert_allclose(familiarity(grid, MEAN, SCALE), expected)


@pytest.mark.parametrize(
    ("caption", "features", "familiar"),
    [
        (UNSURE, UNLIKE, False),
        (UNSURE, LIKE, True),
        (replace(UNSURE, confidence=CONFIDENCE_THRESHOLD), UNLIKE, True),
        (replace(UNSURE, confidence=None), UNLIKE, True),
        (replace(UNSURE, named=True), UNLIKE, True),
    ],
)
def test_an_unsure_sentence_about_an_unfamiliar_photo_is_marked(
    caption: Caption, features: np.ndarray, familiar: bool
) -> None:
    assert mark_unfamiliar([caption], features, STATISTICS) == [replace(caption, familiar=familiar)]


def test_without_statistics_everything_is_familiar() -> None:
    blank = {"feature_mean": np.zeros(3), "feature_scale": np.ones(3)}
    assert mark_unfamiliar([UNSURE], UNLIKE, blank) == [UNSURE]


def noise(kind: str) -> Image.Image:
    rng = np.random.default_rng(0)
    shape = (480, 640, 3) if kind.startswith("colour") else (480, 640)
    values = rng.integers(0, 256, shape) if kind.endswith("uniform") else rng.normal(128, 50, shape).clip(0, 255)
    return Image.fromarray(values.astype(np.uint8))


def page(size: int) -> Image.Image:
    """A sheet of lines in letters of so many pixels, which go on beyond its right edge."""
    picture = Image.new("RGB", (850, 1100), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size)
    words = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "and", "runs", "into", "the", "wood"]
    rng = np.random.default_rng(size)
    for y in range(size, 1100 - 2 * size, int(1.4 * size)):
        draw.text((size, y), " ".join(rng.choice(words, 850 // size)), "black", font)
    return picture


@pytest.mark.slow
@pytest.mark.parametrize(
    "picture",
    [*(noise(kind) for kind in ("uniform", "normal", "colour uniform", "colour normal")), *map(page, (10, 16, 20))],
)
def test_noise_and_pages_of_text_get_no_sentence(picture: Image.Image) -> None:
    outcome = showtell.load().caption(picture, errors="return")
    if isinstance(outcome, NoCaptionError):
        assert str(outcome).startswith("the PIL image: is like no photo that the captioner learnt from")
    else:  # such as "A web site."
        assert outcome.named


@pytest.mark.slow
def test_photos_do() -> None:
    outcomes = showtell.load().caption(list_photos(PHOTOS), errors="return")
    assert all(isinstance(outcome, Caption) for outcome in outcomes)


def test_statistics_of_a_tuned_encoder_go_before_the_decoder_s(captioner: Captioner, tmp_path: Path) -> None:
    grids = np.random.default_rng(0).random((2, 81, 1280), np.float32)
    captioner.confidence = Confidence(0.5, (-9.0, 0.0, 0.0), (0.0, 0.0, 0.0))  # sure of nothing
    usual = {"feature_mean": -grids.mean(axis=(0, 1)), "feature_scale": np.full(1280, 1e-3, np.float32)}
    captioner.photo_statistics = usual
    captioner.save(tmp_path / "tuned.safetensors")
    kept = Captioner.load(tmp_path / "tuned.safetensors")
    assert [caption.familiar for caption in kept.caption_features(grids)] == [False, False]
    assert kept.photo_statistics is not None
    np.testing.assert_allclose(kept.photo_statistics["feature_mean"], usual["feature_mean"], atol=1e-3)
    captioner.photo_statistics = {name: -array for name, array in usual.items()}
    assert all(caption.familiar for caption in captioner.caption_features(grids))


def test_statistics_of_another_width_are_an_error(captioner: Captioner) -> None:
    with pytest.raises(ModelError, match="the statistics of photos are not feature_mean and feature_scale"):
        Captioner(
            captioner.decoder,
            captioner.vocabulary,
            encoder_identity=captioner.encoder_identity,
            photo_statistics={"feature_mean": np.zeros(3, np.float32)},
        )
