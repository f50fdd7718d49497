from __future__ import annotations

from collections.abc import Callable

import pytest

from showtell.datasets import Dataset


@pytest.fixture
def found() -> Callable[[Dataset], dict[str, tuple[str, tuple[str, ...]]]]:
    """Return the split and the captions of each photo by its file's name."""
    return lambda dataset: {example.photo.name: (example.split, example.captions) for example in dataset.examples}


@pytest.fixture
def problems() -> Callable[[Dataset], list[tuple[str, str]]]:
    """Return kind and name of each problem."""
    return lambda dataset: [(problem.kind, problem.name) for problem in dataset.problems]
