"""Every differentiable layer with arguments of many shapes: what the gradient tests and the golden files run over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gradients import SEQUENCES, STEPS

GATES = {"rnn": 1, "gru": 3, "lstm": 4}


@dataclass(frozen=True)
class Case:
    """A layer and its arguments.

    `layer` names the functions `<layer>_forward` and `<layer>_backward`; `fixed` are integer arguments that come first,
    `options` keyword arguments; the gradients are those of `args`.
    """

    name: str
    layer: str
    args: tuple[np.ndarray, ...]
    fixed: tuple[np.ndarray, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()

    def forward(self, module: Any) -> Callable[..., tuple[Any, ...]]:
        return partial(getattr(module, f"{self.layer}_forward"), *self.fixed, **dict(self.options))

    def backward(self, module: Any) -> Callable[..., Any]:
        return getattr(module, f"{self.layer}_backward")

    @property
    def values(self) -> int:
        return 2 if self.layer == "lstm_step" else 1

    @property
    def smooth(self) -> bool:
        return dict(self.options).get("activation") != "relu"

    def ups(self, values: list[np.ndarray]) -> list[np.ndarray]:
        """A gradient that comes from above, for each value."""
        rng = np.random.default_rng(11)
        return [rng.standard_normal(value.shape) for value in values]


def recurrent(cell: str, N: int, T: int, D: int, H: int) -> dict[str, np.ndarray]:
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


def _all() -> list[Case]:
    cases = []
    options: dict[str, list[tuple[tuple[str, Any], ...]]] = {
        "rnn": [(("activation", "tanh"),), (("activation", "relu"),)],
        "gru": [()],
        "lstm": [()],
    }
    for cell, choices in options.items():
        for choice in choices:
            label = "_".join([cell, *(str(value) for _, value in choice)])
            for N, T, D, H in SEQUENCES:
                a = recurrent(cell, N, T, D, H)
                args = (a["x"], a["h0"], a["Wx"], a["Wh"], a["b"])
                size = f"N{N}T{T}D{D}H{H}"
                cases.append(Case(f"{label}-{size}", cell, args, (), choice))
                lengths = np.random.default_rng(5).integers(0, T + 1, N)
                ragged = (*choice, ("lengths", lengths))
                cases.append(Case(f"{label}_ragged-{size}", cell, args, (), ragged))
                each = np.random.default_rng([N, H, 2]).standard_normal((N, a["b"].size))
                cases.append(Case(f"{label}_bias_each-{size}", cell, (*args[:4], each), (), ragged))
                if cell == "lstm":
                    cases.append(Case(f"lstm_c0-{size}", cell, (*args, a["c0"])))
                    cases.append(Case(f"lstm_c0_ragged-{size}", cell, (*args, a["c0"]), (), ragged))
            for N, D, H in STEPS:
                a = recurrent(cell, N, 1, D, H)
                state = (a["h0"], a["c0"]) if cell == "lstm" else (a["h0"],)
                args = (a["x"][:, 0], *state, a["Wx"], a["Wh"], a["b"])
                cases.append(Case(f"{label}_step-N{N}D{D}H{H}", f"{cell}_step", args, (), choice))
                each = np.random.default_rng([N, H, 2]).standard_normal((N, a["b"].size))
                args = (*args[:-1], each)
                cases.append(Case(f"{label}_step_bias_each-N{N}D{D}H{H}", f"{cell}_step", args, (), choice))
    rng = np.random.default_rng(3)
    normal = rng.standard_normal
    for shape in [(3, 4), (1, 1), (0, 4), (3, 2, 5), (2, 3, 1, 2)]:
        D = int(np.prod(shape[1:]))
        name = "x".join(map(str, shape))
        cases.append(Case(f"affine-{name}", "affine", (normal(shape), normal((D, 7)), normal(7))))
    for N, T, D, M in [(3, 5, 4, 6), (1, 1, 1, 1), (2, 0, 3, 5), (0, 2, 3, 5), (2, 3, 17, 9)]:
        args = (normal((N, T, D)), normal((D, M)), normal(M))
        cases.append(Case(f"temporal_affine-N{N}T{T}D{D}M{M}", "temporal_affine", args))
    # R queries, M photos, P positions, A columns, heads; some photo without a query, one query, none at all
    for R, M, P, A, heads in [(7, 3, 9, 8, 2), (1, 1, 1, 1, 1), (0, 2, 3, 4, 1), (40, 2, 81, 33, 3), (5, 6, 17, 70, 1)]:
        photo = rng.integers(0, M, R)
        args = (normal((R, A)), normal((M, P, A)), normal((M, P, A)))
        options_ = (("photo", photo), ("heads", heads))
        cases.append(Case(f"attention-R{R}M{M}P{P}A{A}heads{heads}", "attention", args, (), options_))
    for N, T, V, D in [(3, 5, 7, 4), (1, 1, 1, 1), (2, 0, 3, 5), (0, 2, 3, 5), (4, 9, 3, 17)]:
        words = rng.integers(0, V, (N, T))
        cases.append(Case(f"word_embedding-N{N}T{T}V{V}D{D}", "word_embedding", (normal((V, D)),), (words,)))
    return cases


CASES = _all()
