from __future__ import annotations

import os

# The networks here are tiny: threads would only wait for each other. Set before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from decoders import fresh_decoder
from optimizers import optimizer_of
from showtell.captioning.captioner import Captioner
from showtell.datasets.synthetic import draw_shapes
from showtell.nn import functional, kernels
from showtell.nn.backend import Optimizer
from showtell.text.vocabulary import Vocabulary
from showtell.vision.encoder import Encoder

# No test depends on how fast the machine is
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

PHOTOS = Path(__file__).parent / "photos"
SETS = kernels.instruction_sets() if kernels.available() else []
WORDS = "a black brown cat dog grass in is on red runs sits the tree white"


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder()


def small_captioner(encoder: Encoder, precision: kernels.Precision | None = None) -> Captioner:
    """A captioner that was taught nothing: its sentences are nonsense, and always the same."""
    vocabulary = Vocabulary(WORDS.split())
    rng = np.random.default_rng(0)
    precision = precision or kernels.fastest_precision()  # as of one that is loaded
    decoder = fresh_decoder(len(vocabulary), 1280, 8, 16, attention_dim=8, heads=2, rng=rng, precision=precision)
    decoder.params["W_embed"] *= 40
    return Captioner(
        decoder,
        vocabulary,
        encoder=encoder,
        encoder_identity=encoder.identity,
        about={"trained on": "nothing"},
        max_words=8,
    )


@pytest.fixture
def captioner(encoder: Encoder) -> Captioner:
    """A small captioner of a test's own."""
    return small_captioner(encoder)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of thirty drawings with their captions."""
    folder = tmp_path_factory.mktemp("drawn")
    draw_shapes(folder, 30, np.random.default_rng(0))
    return folder


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feature store that the tests share."""
    return tmp_path_factory.mktemp("features")


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


# In the fast loop the fastest set stands for all
COMPILED = [
    pytest.param(f"kernels-{name}", marks=[pytest.mark.slow] if place else []) for place, name in enumerate(SETS)
]


@pytest.fixture(params=["functional", *COMPILED])
def layers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Who computes: the functional layers, and the compiled ones with each instruction set that this machine has.

    The compiled ones use two threads, also for small work.
    """
    if request.param == "functional":
        yield functional
        return
    monkeypatch.setattr(kernels.library, "_SMALL", 0)
    before, threads = kernels.get_instruction_set(), kernels.get_num_threads()
    kernels.set_instruction_set(request.param.removeprefix("kernels-"))
    kernels.set_num_threads(2)
    yield kernels
    kernels.set_instruction_set(before)
    kernels.set_num_threads(threads)


@pytest.fixture
def optimizer(layers: ModuleType) -> Optimizer:
    """Who updates the weights, with the same layers."""
    return optimizer_of(layers)
