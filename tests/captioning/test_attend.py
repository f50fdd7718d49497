from __future__ import annotations

from types import ModuleType

import numpy as np

from gradients import check_differences, relative_error
from showtell.captioning.attend import Attend
from showtell.captioning.dropout import Dropout
from showtell.lab.cases import SMOOTH
from showtell.lab.decoder_cases import draw_decoder
from showtell.lab.differences import GradientCheck

WORDS = np.array([[True, True, False], [True, False, False], [False] * 3, [True] * 3])
PHOTO = np.array([1, 0, 0, 1])


def draw(layers: ModuleType) -> tuple[Attend, np.ndarray, np.ndarray]:
    """The layers, hidden states (4, 3, 7) and the grids (2, 5, 6) of two photos."""
    decoder, rng = draw_decoder("lstm", heads=2, backend=layers), np.random.default_rng(0)
    attend = Attend(decoder.config, decoder.params, decoder.statistics, layers, "float32")
    return attend, rng.standard_normal((4, 3, 7)), rng.standard_normal((2, 5, 6))


def test_states_attend_to_their_own_photo_where_a_word_counts(layers: ModuleType) -> None:
    attend, h, grid = draw(layers)
    z, cache = attend.forward(h, grid, PHOTO, WORDS, Dropout(layers))
    p, statistics, heads = attend.params, attend.statistics, attend.config.heads
    g = (grid - statistics["grid_mean"]) / statistics["grid_scale"]
    expected = np.zeros_like(z)
    for n, t in np.argwhere(WORDS):
        query = h[n, t] @ p["W_query"] + p["b_query"]
        keys, values = g[PHOTO[n]] @ p["W_key"], g[PHOTO[n]] @ p["W_value"] + p["b_value"]
        context = []
        for q, k, v in zip(*(np.split(x, heads, axis=-1) for x in (query, keys, values)), strict=True):
            a = np.exp(k @ q / np.sqrt(len(q)))
            context.append(a / a.sum() @ v)
        expected[n, t] = np.tanh(np.concatenate([h[n, t], *context]) @ p["W_combine"] + p["b_combine"])
    assert relative_error(z, expected) < 1e-12
    assert cache.attention.weights.shape == (WORDS.sum(), heads, 5)


def test_its_backward_is_the_slope(layers: ModuleType) -> None:
    attend, h, grid = draw(layers)
    up = np.random.default_rng(1).standard_normal((4, 3, 5))

    def loss(h: np.ndarray, grid: np.ndarray) -> float:
        return float(np.vdot(up, attend.forward(h, grid, PHOTO, WORDS, Dropout(layers))[0]))

    _, cache = attend.forward(h, grid, PHOTO, WORDS, Dropout(layers))
    dh, dgrid, grads = attend.backward(up, cache, with_grid=True)
    check_differences(GradientCheck(loss, {"h": h, "grid": grid}, {"h": dh, "grid": dgrid}, SMOOTH))
    without, none, same = attend.backward(up, cache, with_grid=False)
    assert none is None
    np.testing.assert_array_equal(without, dh)
    assert same.keys() == grads.keys()


def test_without_a_word_nothing_attends(layers: ModuleType) -> None:
    attend, h, grid = draw(layers)
    z, cache = attend.forward(h, grid, PHOTO, np.zeros_like(WORDS), Dropout(layers))
    dh, _, grads = attend.backward(np.ones_like(z), cache, with_grid=False)
    assert not any(array.any() for array in (z, dh, *grads.values()))
