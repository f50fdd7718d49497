"""Whatever the kernels are handed, they compute what NumPy does, or name what is wrong and touch nothing."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizers import ADAM, optimizer_of
from showtell.errors import ShowtellError
from showtell.nn import functional, kernels
from showtell.nn.choices import GATES
from showtell.nn.functional.decoding import Attention

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the kernels were not compiled")

EXAMPLES = int(os.environ.get("SHOWTELL_FUZZ", "60"))
"""Calls of each function; native/sanitize asks for more."""

Arrays = dict[str, Any]


def recurrent(cell: str) -> tuple[dict[str, str], Callable[..., Any]]:
    gates = f"{GATES[cell]}H" if GATES[cell] > 1 else "H"  # type: ignore[index]
    shapes = {
        "x": "N T D",
        "h0": "N H",
        "Wx": f"D {gates}",
        "Wh": f"H {gates}",
        "b": gates,
        "up": "N T H",
        "lengths": "N<T",
    }

    def call(layers: Any, a: Arrays) -> Any:
        names = ("x", "h0", "Wx", "Wh", "b")
        h, cache = getattr(layers, f"{cell}_forward")(*(a[name] for name in names), lengths=a["lengths"])
        return h, *getattr(layers, f"{cell}_backward")(a["up"], cache)

    return shapes, call


def affine(layers: Any, a: Arrays) -> Any:
    out, cache = layers.affine_forward(a["x"], a["w"], a["b"])
    return out, layers.Affine(a["w"], a["b"])(a["x"]), *layers.affine_backward(a["up"], cache)


def attention(layers: Any, a: Arrays) -> Any:
    context, cache = layers.attention_forward(a["q"], a["k"], a["v"], a["photo"], a["heads"])
    return context, cache.weights, *layers.attention_backward(a["up"], cache)


def vocabulary(layers: Any, a: Arrays) -> Any:
    loss, grads = layers.vocabulary_loss(a["h"], a["W"], a["b"], a["y"], a["mask"], 0.1)
    return np.array(loss), *grads


def adam(layers: Any, a: Arrays) -> Any:
    names = ("param", "exp_avg", "exp_avg_sq", "grad")
    optimizer_of(layers).adam_update(*(a[name] for name in names), ema=a["ema"], ema_decay=0.9, **ADAM)
    return tuple(np.array(a[name]) for name in names)


def squares(layers: Any, a: Arrays) -> Any:
    return (np.array(optimizer_of(layers).sum_of_squares(a["x"])),)


def decoding(layers: Any, a: Arrays) -> Any:
    weights = [a[name] for name in ("W_embed", "Wx", "Wh", "b", "W_vocab", "b_vocab")]
    looking = Attention(a["W_query"], a["b_query"], a["W_combine"], a["b_combine"], a["heads"])
    step = layers.DecodingStep("lstm", "tanh", *weights, attention=looking)
    state = step.start(a["h0"], a["image"], a["keys"], a["values"])
    log_probs, state = step.step(a["words"], state)
    best, _, after = step.best(a["words"], state, 2, (0,))
    return log_probs, *state.memory, best, *after.memory


# Of each function its arguments: the axes of arrays; "N<T" are N integers up to T, "N?" true or false
FUNCTIONS: dict[str, tuple[dict[str, str], Callable[..., Any]]] = {
    **{cell: recurrent(cell) for cell in GATES},
    "affine": ({"x": "N D", "w": "D M", "b": "M", "up": "N M"}, affine),
    "attention": (
        {"q": "R A", "k": "M P A", "v": "M P A", "photo": "R<M", "heads": "int", "up": "R A"},
        attention,
    ),
    "vocabulary": ({"h": "N T H", "W": "H V", "b": "V", "y": "N T<V", "mask": "N T?"}, vocabulary),
    "adam": (dict.fromkeys(("param", "exp_avg", "exp_avg_sq", "grad", "ema"), "N D"), adam),
    "squares": ({"x": "N T D"}, squares),
    "decoding": (
        {
            "W_embed": "V E", "Wx": "I 4H", "Wh": "H 4H", "b": "4H", "W_vocab": "Z V", "b_vocab": "V",
            "W_query": "H A", "b_query": "A", "W_combine": "J Z", "b_combine": "Z", "heads": "int",
            "h0": "R H", "image": "R S", "keys": "R P A", "values": "R P A", "words": "R<V",
        },
        decoding,
    ),
}  # fmt: skip


def laid_out(array: np.ndarray, how: str) -> np.ndarray:
    """The same numbers, otherwise in memory."""
    if how == "fortran":
        return np.asfortranarray(array)
    if how == "backwards":
        return np.flip(np.flip(array).copy())
    if how == "strided":
        wide = np.zeros((*array.shape, 2), array.dtype)
        wide[..., 0] = array
        return wide[..., 0]
    if how == "unaligned":
        buffer = np.zeros(array.nbytes + 1, np.uint8)
        moved = buffer[1:].view(array.dtype).reshape(array.shape)
        moved[...] = array
        return moved
    if how == "read-only":
        array = array.copy()
        array.flags.writeable = False
    return array


LAYOUTS = ("usual", "usual", "fortran", "backwards", "strided", "unaligned", "read-only")
SPOILT = ("shape", "axis", "dtype", "list", "swapped", "huge")


@st.composite
def calls(draw: st.DrawFn, shapes: dict[str, str]) -> tuple[Arrays, bool]:
    """Arguments that fit together, in any layout, of which one may be spoilt; and whether one is."""
    size = {letter: draw(st.sampled_from((1, 2, 3, 5, 17, 0))) for letter in "NTDHMRAPVESZ"}
    size["I"], size["J"] = size["E"] + size["S"], size["H"] + size["A"]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from((np.float32, np.float64)))
    arrays: Arrays = {}
    for name, pattern in shapes.items():
        if pattern == "int":
            arrays[name] = draw(st.sampled_from((1, 1, 2, 0, -1, 3)))
            continue
        axes, _, most = pattern.partition("<")
        shape = [int(axis[:-1] or 1) * size[axis[-1]] for axis in axes.rstrip("?").split()]
        if most:
            end = size[most] + (most == "T")  # a length may be T itself
            array = rng.integers(0, max(end, 1), shape)
        else:
            array = rng.standard_normal(shape).astype(dtype)
        if name == "Wh":
            # from step to step rounding must not grow
            array /= 2 * max(len(array), 1) ** 0.5
        if axes.endswith("?"):
            array = array > 0
        arrays[name] = laid_out(array, draw(st.sampled_from(LAYOUTS)))
    if draw(st.booleans()):
        return arrays, False
    name = draw(st.sampled_from([name for name in arrays if isinstance(arrays[name], np.ndarray)]))
    array, how = arrays[name], draw(st.sampled_from(SPOILT))
    if how == "shape":
        arrays[name] = np.resize(array, [n + draw(st.integers(-1, 1)) if n else 1 for n in array.shape])
    elif how == "axis":
        arrays[name] = array[..., None]
    elif how == "dtype":
        arrays[name] = array.astype(draw(st.sampled_from((np.float16, np.int32, complex, ">f4", object, np.float64))))
    elif how == "list":
        arrays[name] = array.tolist()
    elif how == "swapped":
        arrays[name] = arrays[draw(st.sampled_from(list(arrays)))]
    else:
        arrays[name] = np.empty((2**40, *(0 for _ in array.shape[1:])), array.dtype) if array.ndim > 1 else array[:0]
    return arrays, True


def outcome(layers: Any, call: Callable[..., Any], arrays: Arrays) -> Any:
    try:
        with np.errstate(all="ignore"):
            return call(layers, arrays)
    except (ShowtellError, IndexError, MemoryError) as error:
        return error


@pytest.mark.parametrize("function", FUNCTIONS)
def test_any_arguments_are_computed_with_or_refused(function: str) -> None:
    shapes, call = FUNCTIONS[function]

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(calls(shapes))
    def hold(drawn: tuple[Arrays, bool]) -> None:
        given_, _ = drawn
        # adam writes into what it is given: each gets arrays of its own
        before = copy.deepcopy(given_)
        found = outcome(kernels, call, given_)
        if isinstance(found, Exception):
            for name, array in before.items():
                if isinstance(array, np.ndarray) and array.dtype != object:
                    np.testing.assert_array_equal(given_[name], array)
            return
        expected = outcome(functional, call, before)
        single = any(getattr(array, "dtype", None) == np.float32 for array in before.values())
        tolerance = 1e-4 if single else 1e-9
        assert not isinstance(expected, Exception), f"the functional layers refuse it: {expected}"
        for ours, theirs in zip(found, expected, strict=True):
            if theirs is not None and np.isfinite(theirs).all():
                assert ours.shape == theirs.shape
                assert ours.dtype == theirs.dtype
                largest = max(1.0, np.abs(theirs).max(initial=0))
                assert np.abs(ours - theirs).max(initial=0) <= tolerance * largest

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
