from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from showtell.captioning.class_fallback import foreign_classes, with_article


def test_a_class_is_foreign_if_hardly_any_photo_shows_it() -> None:
    shown: Any = SimpleNamespace(names=("cat", "dog", "tram", "unclear"), probabilities=lambda block: block)
    photos = np.zeros((8, 4))
    photos[:2, 0] = 0.9  # two cats
    photos[2:5, 1] = 0.3  # three dogs
    photos[:, 3] = 0.29
    assert foreign_classes(iter([photos[:3], photos[3:]]), shown) == ["cat", "tram", "unclear"]


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
