"""The layers on arguments of many shapes: what is held against finite differences, and against torch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from showtell.lab.differences import GradientCheck
from showtell.nn.backend import Backend
from showtell.nn.choices import GATES, Cell
from showtell.nn.types import Array, IntArray

# (N, T, D, H): usual, one step, no step, one caption, no caption, width 1, widths that no vector register divides
SEQUENCES = [
    (3, 5, 4, 6),
    (3, 1, 4, 6),
    (3, 0, 4, 6),
    (1, 4, 3, 5),
    (0, 4, 3, 5),
    (4, 6, 1, 1),
    (2, 7, 9, 17),
    (5, 3, 33, 15),
]
STEPS = list(dict.fromkeys((N, D, H) for N, T, D, H in SEQUENCES if T))
SMOOTH, KINKED = 1e-3, 5e-5
"""Steps of differences. ReLU is straight between kinks: a small step crosses few, and loses nothing to curvature."""

Options = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Case:
    """A layer and its arguments.

    `layer` names the functions `<layer>_forward` and `<layer>_backward`; `fixed` are integer arguments that come first,
    `options` keyword arguments; the gradients are those of `args`. A layer that draws gets a generator of this `seed`,
    anew for each call.
    """

    name: str
    layer: str
    args: tuple[Array, ...]
    fixed: tuple[IntArray, ...] = ()
    options: Options = ()
    seed: int | None = None

    @property
    def part(self) -> str:
        """The layer, with its activation where it has a choice."""
        activation = dict(self.options).get("activation")
        return f"{self.layer}, {activation}" if activation else self.layer

    def forward(self, backend: Backend) -> Callable[..., tuple[Any, ...]]:
        """The forward, of the learnt arguments alone."""
        function = partial(getattr(backend, f"{self.layer}_forward"), *self.fixed, **dict(self.options))
        if self.seed is None:
            return function
        return lambda *args: function(*args, rng=np.random.default_rng(self.seed))

    def backward(self, backend: Backend) -> Callable[..., Any]:
        """The backward, of the gradients that come from above and the cache."""
        function: Callable[..., Any] = getattr(backend, f"{self.layer}_backward")
        return function

    @property
    def values(self) -> int:
        """How many values the forward has before its cache."""
        return 2 if self.layer == "lstm_step" else 1

    @property
    def epsilon(self) -> float:
        """The step of the differences."""
        return KINKED if dict(self.options).get("activation") == "relu" else SMOOTH

    def ups(self, values: list[Array]) -> list[Array]:
        """A gradient that comes from above, for each value."""
        rng = np.random.default_rng(11)
        return [rng.standard_normal(value.shape) for value in values]

    def gradient_check(self, backend: Backend) -> GradientCheck:
        """The loss is the projection of the forward's values on what comes from above."""
        forward = self.forward(backend)
        *values, cache = forward(*self.args)
        ups = self.ups(values)
        found = self.backward(backend)(*ups, cache)
        grads = found if isinstance(found, tuple) else (found,)

        def loss(*args: Array) -> float:
            values = forward(*args)[: self.values]
            return float(sum(np.vdot(up, value) for up, value in zip(ups, values, strict=True)))

        names = self._names(backend)
        return GradientCheck(
            loss, dict(zip(names, self.args, strict=True)), dict(zip(names, grads, strict=True)), self.epsilon
        )

    def _names(self, backend: Backend) -> list[str]:
        parameters = list(inspect.signature(getattr(backend, f"{self.layer}_forward")).parameters)
        return parameters[len(self.fixed) :][: len(self.args)]


def recurrent(cell: Cell, N: int, T: int, D: int, H: int) -> dict[str, Array]:
    """Random arguments of a recurrent layer, by their names."""
    rng = np.random.default_rng([N, T, D, H])
    G = GATES[cell] * H
    return {
        "x": rng.standard_normal((N, T, D)),
        "h0": rng.standard_normal((N, H)),
        "Wx": rng.standard_normal((D, G)) / np.sqrt(D),
        "Wh": rng.standard_normal((H, G)) / np.sqrt(H),
        "b": rng.standard_normal(G),
        "c0": rng.standard_normal((N, H)),
    }


def _recurrent_cases() -> Iterator[Case]:
    choices: list[tuple[Cell, Options]] = [
        ("rnn", (("activation", "tanh"),)),
        ("rnn", (("activation", "relu"),)),
        ("gru", ()),
        ("lstm", ()),
    ]
    for cell, choice in choices:
        label = "_".join([cell, *(str(value) for _, value in choice)])
        for N, T, D, H in SEQUENCES:
            a = recurrent(cell, N, T, D, H)
            args = (a["x"], a["h0"], a["Wx"], a["Wh"], a["b"])
            size = f"N{N}T{T}D{D}H{H}"
            yield Case(f"{label}-{size}", cell, args, (), choice)
            lengths = np.random.default_rng(5).integers(0, T + 1, N)
            ragged = (*choice, ("lengths", lengths))
            yield Case(f"{label}_ragged-{size}", cell, args, (), ragged)
            each = np.random.default_rng([N, H, 2]).standard_normal((N, a["b"].size))
            yield Case(f"{label}_bias_each-{size}", cell, (*args[:4], each), (), ragged)
            if cell == "lstm":
                yield Case(f"lstm_c0-{size}", cell, (*args, a["c0"]))
                yield Case(f"lstm_c0_ragged-{size}", cell, (*args, a["c0"]), (), ragged)
        for N, D, H in STEPS:
            a = recurrent(cell, N, 1, D, H)
            state = (a["h0"], a["c0"]) if cell == "lstm" else (a["h0"],)
            inputs = (a["x"][:, 0], *state, a["Wx"], a["Wh"])
            yield Case(f"{label}_step-N{N}D{D}H{H}", f"{cell}_step", (*inputs, a["b"]), (), choice)
            each = np.random.default_rng([N, H, 2]).standard_normal((N, a["b"].size))
            yield Case(f"{label}_step_bias_each-N{N}D{D}H{H}", f"{cell}_step", (*inputs, each), (), choice)


def _other_cases() -> Iterator[Case]:
    rng = np.random.default_rng(3)
    normal = rng.standard_normal
    shapes: list[tuple[int, ...]] = [(3, 4), (1, 1), (0, 4), (3, 2, 5), (2, 3, 1, 2)]
    for shape in shapes:
        D = int(np.prod(shape[1:]))
        name = "x".join(map(str, shape))
        yield Case(f"affine-{name}", "affine", (normal(shape), normal((D, 7)), normal(7)))
    for N, T, D, M in [(3, 5, 4, 6), (1, 1, 1, 1), (2, 0, 3, 5), (0, 2, 3, 5), (2, 3, 17, 9)]:
        args = (normal((N, T, D)), normal((D, M)), normal(M))
        yield Case(f"temporal_affine-N{N}T{T}D{D}M{M}", "temporal_affine", args)
    # R queries, M photos, P positions, A columns, heads; some photo without a query, one query, none at all
    for R, M, P, A, heads in [(7, 3, 9, 8, 2), (1, 1, 1, 1, 1), (0, 2, 3, 4, 1), (40, 2, 81, 33, 3), (5, 6, 17, 70, 1)]:
        photo = rng.integers(0, M, R)
        args = (normal((R, A)), normal((M, P, A)), normal((M, P, A)))
        options = (("photo", photo), ("heads", heads))
        yield Case(f"attention-R{R}M{M}P{P}A{A}heads{heads}", "attention", args, (), options)
    for N, T, V, D in [(3, 5, 7, 4), (1, 1, 1, 1), (2, 0, 3, 5), (0, 2, 3, 5), (4, 9, 3, 17)]:
        words = rng.integers(0, V, (N, T))
        yield Case(f"word_embedding-N{N}T{T}V{V}D{D}", "word_embedding", (normal((V, D)),), (words,))


def _dropout_cases() -> Iterator[Case]:
    shapes: list[tuple[int, ...]] = [(3, 4), (1,), (0, 5), (2, 0, 3), (5, 3, 17)]
    for shape in shapes:
        x = np.random.default_rng(4).standard_normal(shape)
        yield Case(f"dropout-{'x'.join(map(str, shape))}", "dropout", (x,), (), (("p", 0.4),), seed=3)


CASES: list[Case] = [*_recurrent_cases(), *_other_cases()]
"""Every layer that is a function of its arguments alone, many shapes."""

DROPOUT: list[Case] = list(_dropout_cases())
