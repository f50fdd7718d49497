from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from showtell.errors import ShowtellError
from showtell.training.curve import draw_curve

HISTORY = [{"epoch": n, "train_loss": 5 / n, "val_loss": 4 / n, "cider_d": 0.1 * n, "bleu_4": 0.05 * n} for n in (1, 2)]
HISTORY += [{"epoch": 3, "reward": 0.4, "val_loss": 2, "cider_d": 0.4, "bleu_4": 0.2}]


@pytest.mark.slow
def test_a_picture_is_drawn(tmp_path: Path) -> None:
    draw_curve(HISTORY, tmp_path / "curve.png")
    with Image.open(tmp_path / "curve.png") as image:
        assert image.width > 800
        assert len(image.convert("RGB").getcolors(maxcolors=100_000)) > 20


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ShowtellError, match=r"showtell\[plot\]"):
        draw_curve(HISTORY, tmp_path / "curve.png")
