from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from conftest import PHOTOS
from showtell.captioning.captioner import Captioner
from showtell.captioning.class_fallback import find_out_of_domain_classes, with_article
from showtell.captioning.confidence import Confidence

CAT, COFFEE = PHOTOS / "chelsea.png", PHOTOS / "coffee.png"


def test_a_class_is_out_of_domain_if_hardly_any_photo_shows_it() -> None:
    shown: Any = SimpleNamespace(names=("cat", "dog", "tram", "unclear"), probabilities=lambda block: block)
    photos = np.zeros((8, 4))
    photos[:2, 0] = 0.9  # two cats
    photos[2:5, 1] = 0.3  # three dogs
    photos[:, 3] = 0.29
    assert find_out_of_domain_classes(iter([photos[:3], photos[3:]]), shown) == ["cat", "tram", "unclear"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("espresso", "an espresso"),
        ("Egyptian cat", "an Egyptian cat"),
        ("unicycle", "a unicycle"),
        ("umbrella", "an umbrella"),
        ("hourglass", "an hourglass"),
        ("horse cart", "a horse cart"),
        ("binoculars", "binoculars"),
        ("bolete", "a bolete"),
    ],
)
def test_a_name_is_said_with_its_article(name: str, said: str) -> None:
    assert with_article(name) == said


@pytest.fixture
def unsure(captioner: Captioner) -> Captioner:
    """A captioner that is sure of nothing, and has seen no espresso."""
    captioner.confidence = Confidence(0.5, (-3.0, 0.0, 0.0), (0.1, 0.0, 0.0))
    captioner.out_of_domain_classes = ("espresso", "hourglass")
    return captioner


def test_a_photo_of_an_out_of_domain_class_is_named(unsure: Captioner, tmp_path: Path) -> None:
    unsure.save(tmp_path / "unsure.safetensors")
    again = Captioner.load(tmp_path / "unsure.safetensors", encoder=unsure.encoder)
    assert again.out_of_domain_classes == unsure.out_of_domain_classes
    coffee, cat = again.caption([COFFEE, CAT])
    assert (coffee.text, coffee.named) == ("An espresso.", True)
    assert coffee.confidence == coffee.words[0][1] == pytest.approx(0.87, abs=0.05)
    assert not cat.named
    assert not coffee.others
    first, second, third = again.caption(COFFEE, 3).n_best
    assert first.up_to(1) == coffee
    again.out_of_domain_classes = ()
    assert again.caption(COFFEE, 2).n_best == (replace(second, others=(third,)), third)


@pytest.mark.parametrize("without", ["a confidence", "doubt", "a class that is out of domain"])
def test_otherwise_it_is_not_named(unsure: Captioner, without: str) -> None:
    if without == "a confidence":
        unsure.confidence = None
    elif without == "doubt":
        unsure.confidence = Confidence(0.5, (1.0, 0.0, 0.0), (0.1, 0.0, 0.0))
    else:
        unsure.out_of_domain_classes = ("hourglass",)
    assert not unsure.caption(COFFEE).named
