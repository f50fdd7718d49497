"""Calls of the kernels with any arguments, and what must hold of each."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optimizers import ADAM, optimizer_of
from showtell.errors import ShowtellError
from showtell.nn import functional, kernels
from showtell.nn.choices import GATES
from showtell.nn.functional.decoding import Attention

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


def arguments(choose: Callable[[Sequence[Any]], Any], function: str) -> Arrays:
    """Arguments of a function that fit together, in any layout, one perhaps spoilt; `choose` takes one of several."""
    size = {letter: choose((1, 2, 3, 5, 17, 0)) for letter in "NTDHMRAPVESZ"}
    size["I"], size["J"] = size["E"] + size["S"], size["H"] + size["A"]
    rng = np.random.default_rng(choose(range(2**32)))
    dtype = choose((np.float32, np.float64))
    arrays: Arrays = {}
    for name, pattern in FUNCTIONS[function][0].items():
        if pattern == "int":
            arrays[name] = choose((1, 1, 2, 0, -1, 3))
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
        arrays[name] = laid_out(array, choose(LAYOUTS))
    if choose((True, False)):
        return arrays
    name = choose([name for name in arrays if isinstance(arrays[name], np.ndarray)])
    array, how = arrays[name], choose(SPOILT)
    if how == "shape":
        arrays[name] = np.resize(array, [n + choose((-1, 0, 1)) if n else 1 for n in array.shape])
    elif how == "axis":
        arrays[name] = array[..., None]
    elif how == "dtype":
        arrays[name] = array.astype(choose((np.float16, np.int32, complex, ">f4", object, np.float64)))
    elif how == "list":
        arrays[name] = array.tolist()
    elif how == "swapped":
        arrays[name] = arrays[choose(list(arrays))]
    else:
        arrays[name] = np.empty((2**40, *(0 for _ in array.shape[1:])), array.dtype) if array.ndim > 1 else array[:0]
    return arrays


def outcome(layers: Any, call: Callable[..., Any], arrays: Arrays) -> Any:
    try:
        with np.errstate(all="ignore"):
            return call(layers, arrays)
    except (ShowtellError, IndexError, MemoryError) as error:
        return error


def check_call(function: str, given: Arrays) -> bool:
    """Call a function of the kernels: it computes what the functional layers do, or refuses and touches nothing.

    Returns:
        Whether it computed.
    """
    call = FUNCTIONS[function][1]
    # adam writes into what it is given: each gets arrays of its own
    before = copy.deepcopy(given)
    found = outcome(kernels, call, given)
    if isinstance(found, Exception):
        for name, array in before.items():
            if isinstance(array, np.ndarray) and array.dtype != object:
                np.testing.assert_array_equal(given[name], array)
        return False
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
    return True
