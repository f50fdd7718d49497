from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from showtell.datasets import Dataset


@pytest.fixture
def write_photos() -> Callable[..., list[Path]]:
    """Write a small photo of its own colour at each path, its folders with it."""

    def write(folder: Path, *names: str) -> list[Path]:
        paths = [folder / name for name in names]
        for number, path in enumerate(paths):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 3), (number % 256, number // 256, 7)).save(path, "PNG")
        return paths

    return write


@pytest.fixture
def found() -> Callable[[Dataset], dict[str, tuple[str, tuple[str, ...]]]]:
    """Return the split and the captions of each photo by its file's name."""
    return lambda dataset: {example.photo.name: (example.split, example.captions) for example in dataset.examples}


@pytest.fixture
def problems() -> Callable[[Dataset], list[tuple[str, str]]]:
    """Return kind and name of each problem."""
    return lambda dataset: [(problem.kind, problem.name) for problem in dataset.problems]
