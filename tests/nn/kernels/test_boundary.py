"""Whatever the kernels are handed, they compute what NumPy does, or name what is wrong and touch nothing."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nn.kernels.calls import FUNCTIONS, arguments, check_call
from showtell.errors import ShowtellError
from showtell.nn import functional, kernels
from showtell.nn.choices import GATES

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the kernels were not compiled")

EXAMPLES = int(os.environ.get("SHOWTELL_FUZZ", "60"))
"""Calls of each function; native/sanitize asks for more."""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_any_arguments_are_computed_with_or_refused(function: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def hold(data: st.DataObject) -> None:
        check_call(function, arguments(lambda options: data.draw(st.sampled_from(options)), function))

    hold()


# ---- what must be refused, each with its reason


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape)


@pytest.mark.parametrize("photo", [np.array([0.5, 1, 0]), np.array([True, False, True]), [0, 1, 0]])
def test_a_photo_s_number_is_an_integer(layers, photo) -> None:
    with pytest.raises(ShowtellError, match=r"attention_forward: photo .*expected .*integers"):
        layers.attention_forward(ones(3, 4), ones(2, 5, 4), ones(2, 5, 4), photo, 2)


@pytest.mark.parametrize("heads", [0, -1, 3, 2.0, True, None])
def test_heads_that_do_not_divide_are_refused(layers, heads) -> None:
    with pytest.raises(ShowtellError, match=r"attention_forward: heads is .*, expected"):
        layers.attention_forward(ones(3, 4), ones(2, 5, 4), ones(2, 5, 4), np.zeros(3, int), heads)


def test_attention_of_no_width_is_refused(layers) -> None:
    with pytest.raises(ShowtellError, match="width A = 0, expected at least 1"):
        layers.attention_forward(ones(3, 0), ones(2, 5, 0), ones(2, 5, 0), np.zeros(3, int))


@pytest.mark.parametrize("y", [np.array([[1.7, 2.2]]), np.array([[True, False]]), [[1, 2]]])
def test_words_are_integers(layers, y) -> None:
    with pytest.raises(ShowtellError, match=r"y .*expected .*integers.* \(word ids\)"):
        layers.vocabulary_loss(ones(1, 2, 4), ones(4, 5), ones(5), y, np.ones((1, 2), bool))


def test_a_word_id_beyond_64_bits_is_named_as_it_is(layers) -> None:
    y = np.array([[0, 2**64 - 1]], np.uint64)
    with pytest.raises(IndexError, match="word id 18446744073709551615"):
        layers.vocabulary_loss(ones(1, 2, 4), ones(4, 5), ones(5), y, np.ones((1, 2), bool))


def test_a_cache_of_another_forward_is_refused() -> None:
    arguments = ones(3, 4, 5), ones(3, 6), ones(5, 24), ones(6, 24), ones(24)
    h, cache = kernels.lstm_forward(*arguments)
    for backward in (kernels.gru_backward, kernels.rnn_backward, kernels.lstm_step_backward):
        with pytest.raises(ShowtellError, match="the cache is of lstm_forward, expected one of"):
            backward(*([h[:, 0], h[:, 0]] if backward is kernels.lstm_step_backward else [h]), cache)
    _, theirs = functional.lstm_forward(*arguments)
    with pytest.raises(ShowtellError, match=r"expected one of kernels\.lstm_forward"):
        kernels.lstm_backward(h, theirs)
    for backward in (kernels.affine_backward, kernels.dropout_backward, kernels.attention_backward):
        with pytest.raises(ShowtellError, match=f"{backward.__name__}: the cache is a SequenceCache"):
            backward(h[:, 0], cache)


@pytest.mark.parametrize("shape", [(4, 3), (12,), (3, 4, 1)])
def test_dropout_s_gradient_has_the_shape_of_its_input(layers, shape: tuple[int, ...]) -> None:
    _, cache = layers.dropout_forward(ones(3, 4), 0.5, np.random.default_rng(0))
    with pytest.raises(ShowtellError, match=r"dout has shape .*, expected \(3, 4\) as x"):
        layers.dropout_backward(ones(*shape), cache)
    with pytest.raises(ShowtellError, match="dout has dtype float32, expected float64 as x"):
        layers.dropout_backward(np.ones((3, 4), np.float32), cache)


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("size", [(3, 1, 5, 0), (3, 2, 0, 0), (0, 2, 5, 0), (2, 2, 0, 4)], ids=str)
def test_gradients_of_a_network_without_units_or_inputs_are_zeros(layers, cell: str, size: tuple[int, ...]) -> None:
    N, T, D, H = size
    G = GATES[cell] * H  # type: ignore[index]

    def network(value: float, H: int, G: int) -> tuple[np.ndarray, ...]:
        shapes = [(N, T, D), (N, H), (D, G), (H, G), (G,)]
        h, cache = getattr(layers, f"{cell}_forward")(*(np.full(shape, value) for shape in shapes))
        return getattr(layers, f"{cell}_backward")(h + 1, cache)

    network(0.1, 50, GATES[cell] * 50)  # type: ignore[index]
    assert not network(1.0, H, G)[0].any() or H


def test_sizes_that_no_memory_holds_are_refused(layers) -> None:
    with pytest.raises(ShowtellError, match=r"expected fewer than 2\*\*40 numbers"):
        layers.affine_forward(ones(2**41, 0), ones(0, 3), ones(3))


@pytest.mark.parametrize("words", [3, None, np.array(3), "ab", [[1], [2, 3]]])
def test_words_that_are_no_array_are_refused_by_a_step(layers, words) -> None:
    step = layers.DecodingStep("rnn", "tanh", ones(5, 2), ones(4, 3), ones(3, 3), ones(3), ones(3, 5), ones(5))
    state = step.start(ones(2, 3), ones(2, 2))
    for call in (lambda: step.step(words, state), lambda: step.best(words, state, 2)):
        with pytest.raises(ShowtellError, match="DecodingStep: words"):
            call()
