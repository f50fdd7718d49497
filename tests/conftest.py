from __future__ import annotations

import os

# The networks here are tiny, and there is a process a core: threads would only wait for each other, except in the tests
# that ask for them. Set before NumPy is imported.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "SHOWTELL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from decoders import fresh_decoder
from optimizers import optimizer_of
from pictures import in_halves
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
# Those for bfloat16 compute with float32 and float64 as another set does (nn/kernels/test_library.py proves it)
OF_FLOATS = [name for name in SETS if not name.endswith("_bf16")]
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
def stored(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A feature store that the tests share, of all processes: a photo is encoded once."""
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "features"


@pytest.fixture(scope="module")
def no_curve() -> Iterator[None]:
    """Runs draw no training curve, which takes longer than a small epoch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("showtell.training.run.draw_curve", lambda history, path: None)
        yield


@pytest.fixture
def write_photos() -> Callable[..., list[Path]]:
    """Write a small photo at each path, its folders with it; the first pixel says which it is."""

    def write(folder: Path, *names: str) -> list[Path]:
        paths = [folder / name for name in names]
        for number, path in enumerate(paths):
            path.parent.mkdir(parents=True, exist_ok=True)
            in_halves(4, 3, (number % 256, number // 256, 7)).save(path, "PNG")
        return paths

    return write


@contextmanager
def kernels_with(instruction_set: str) -> Iterator[ModuleType]:
    """The compiled layers with an instruction set and two threads, also for small work."""
    before, threads = kernels.get_instruction_set(), kernels.get_num_threads()
    kernels.set_instruction_set(instruction_set)
    kernels.set_num_threads(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels.library, "_SMALL", 0)
        yield kernels
    kernels.set_instruction_set(before)
    kernels.set_num_threads(threads)


def each(sets: list[str]) -> list[Any]:
    """Parameters for these instruction sets: in the fast loop the fastest stands for all."""
    return [
        pytest.param(name, marks=pytest.mark.slow if place else (), id=f"kernels-{name}")
        for place, name in enumerate(sets)
    ]


@pytest.fixture(params=["functional", *each(OF_FLOATS)])
def layers(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """Who computes: the functional layers, and the compiled ones with each instruction set of floats."""
    if request.param == "functional":
        yield functional
        return
    with kernels_with(request.param) as compiled:
        yield compiled


@pytest.fixture(params=each(SETS))
def compiled(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """The compiled layers with each instruction set that this machine has."""
    with kernels_with(request.param) as compiled:
        yield compiled


@pytest.fixture
def optimizer(layers: ModuleType) -> Optimizer:
    """Who updates the weights, with the same layers."""
    return optimizer_of(layers)
