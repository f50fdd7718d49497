"""Caches and packed weights: a copy computes what the original does, in this process or another."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import SETS
from showtell.errors import ShowtellError
from showtell.nn import kernels
from showtell.nn.functional.decoding import Attention
from showtell.nn.kernels.workspace import Workspace, pointer

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the kernels were not compiled")

COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
}
each_copy = pytest.mark.parametrize("way", COPIES)


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape).astype(np.float32)


def overwrite_what_is_free() -> None:
    """Calls that take the memory that others gave back."""
    for _ in range(6):
        kernels.lstm_forward(draw(32, 16, 64), draw(32, 64), draw(64, 256), draw(64, 256), draw(256))
        kernels.Affine(draw(300, 500), draw(500))


@each_copy
def test_a_cache_s_copy_gives_the_same_gradients(way: str) -> None:
    h, cache = kernels.lstm_forward(draw(32, 16, 64), draw(32, 64), draw(64, 256), draw(64, 256), draw(256))
    expected = kernels.lstm_backward(h, cache)
    kept = COPIES[way](cache)
    del cache
    overwrite_what_is_free()
    for ours, theirs in zip(kernels.lstm_backward(h, kept), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@each_copy
def test_packed_weights_copy(way: str) -> None:
    layer, x = kernels.Affine(draw(300, 500), draw(500)), draw(3, 300)
    expected = layer(x)
    kept = COPIES[way](layer)
    del layer
    overwrite_what_is_free()
    np.testing.assert_array_equal(kept(x), expected)


@each_copy
def test_a_decoder_s_copy_decodes_the_same(way: str) -> None:
    weights = draw(50, 8), draw(10, 64), draw(16, 64), draw(64), draw(8, 50), draw(50)
    looking = Attention(draw(16, 8), draw(8), draw(24, 8), draw(8), 2)
    step = kernels.DecodingStep("lstm", "tanh", *weights, attention=looking)
    state, words = step.start(draw(2, 16), draw(2, 2), draw(2, 9, 8), draw(2, 9, 8)), np.array([1, 2])
    expected, _ = step.step(words, state)
    kept, same_state = COPIES[way](step), COPIES[way](state)
    del step, state
    overwrite_what_is_free()
    np.testing.assert_array_equal(kept.step(words, same_state)[0], expected)


def test_packed_weights_go_to_another_process(tmp_path: Path) -> None:
    layer, x = kernels.Affine(draw(300, 500), draw(500)), draw(3, 300)
    (tmp_path / "layer.pickle").write_bytes(pickle.dumps((layer, x)))
    np.save(tmp_path / "expected.npy", layer(x))
    code = """
import pickle, sys
import numpy as np
layer, x = pickle.load(open(sys.argv[1] + "/layer.pickle", "rb"))
assert np.array_equal(layer(x), np.load(sys.argv[1] + "/expected.npy"))
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)


@pytest.mark.parametrize("name", SETS)
@each_copy
def test_a_copy_is_of_the_same_instruction_set(way: str, name: str) -> None:
    w, b, x = draw(6, 7), draw(7), draw(4, 6)
    before = kernels.get_instruction_set()
    kernels.set_instruction_set(name)
    try:
        layer = kernels.Affine(w, b)
        np.testing.assert_array_equal(COPIES[way](layer)(x), layer(x))
    finally:
        kernels.set_instruction_set(before)


def test_what_another_machine_laid_out_is_refused() -> None:
    restore, (content, name, abi) = Workspace(100, 0).__reduce__()
    with pytest.raises(ShowtellError, match=r"computed with instruction set 'altivec' .*; compute it anew"):
        restore(content, "altivec", abi)
    with pytest.raises(ShowtellError, match=f"interface {abi + 1}"):
        restore(content, name, abi + 1)


def test_an_address_is_of_numbers_one_after_the_other() -> None:
    for array in (np.ones(4)[::2], np.ones((2, 3)).T, np.zeros(9, np.uint8)[1:].view(np.float64)):
        with pytest.raises(AssertionError):
            pointer(array)


def test_places_in_a_cache_cannot_be_changed() -> None:
    _, cache = kernels.lstm_forward(draw(2, 3, 4), draw(2, 5), draw(4, 20), draw(5, 20), draw(20))
    with pytest.raises(ValueError, match="read-only"):
        cache.order[0] = 10**9
    _, cache = kernels.attention_forward(draw(3, 4), draw(2, 5, 4), draw(2, 5, 4), np.array([0, 1, 0]), 2)
    with pytest.raises(ValueError, match="read-only"):
        cache.first[0] = 10**9
