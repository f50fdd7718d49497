from __future__ import annotations

import numpy as np
import pytest

from showtell.captioning.captioner import Captioner
from showtell.captioning.confidence import ACCEPTABLE
from showtell.errors import ShowtellError
from showtell.evaluation.confidence import calibration_data, fit_confidence
from showtell.metrics import score


@pytest.fixture
def features() -> np.ndarray:
    """Of more photos than are captioned at once."""
    return np.random.default_rng(0).standard_normal((70, 3, 1280)).astype(np.float16)


def test_it_learns_which_captions_are_right(captioner: Captioner, features: np.ndarray) -> None:
    """Those of the photos whose people said what the captioner, too, would say, and likelier."""
    captions = captioner.caption_features(features.astype(np.float32))
    middle = np.median([caption.confidence_features[0] for caption in captions])
    references = [[caption.text if caption.confidence_features[0] > middle else "white grass"] for caption in captions]
    confidence = fit_confidence(captioner, features, references)
    of_captions, cider_d = calibration_data(captions, references)
    assert captioner.confidence is None
    assert confidence.acceptable[1] > 0
    assert confidence.probability(of_captions)[cider_d >= ACCEPTABLE].mean() > 0.6
    assert confidence == fit_confidence(captioner, features, references)


def test_calibration_data_are_confidence_features_and_scores(captioner: Captioner, features: np.ndarray) -> None:
    captions = captioner.caption_features(features[:5].astype(np.float32))
    references = [["a dog runs", "the cat"]] * 4 + [["a brown tree"]]
    of_captions, cider_d = calibration_data(captions, references)
    expected = score([caption.text for caption in captions], references).cider_d_per_photo
    np.testing.assert_array_equal(cider_d, expected)
    np.testing.assert_array_equal(of_captions, [caption.confidence_features for caption in captions])


def test_photos_and_references_belong_together(captioner: Captioner, features: np.ndarray) -> None:
    with pytest.raises(ShowtellError, match="70 candidates for 2 photos"):
        fit_confidence(captioner, features, [["a dog"], ["a cat"]])
    with pytest.raises(ShowtellError, match="no photo"):
        fit_confidence(captioner, features[:0], [])
