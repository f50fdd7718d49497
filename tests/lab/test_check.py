from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from showtell.lab import check_table
from showtell.lab.check import ALL_CASES, backends, check
from showtell.nn import functional, kernels
from showtell.nn.functional.activations import sigmoid


def few(part: str) -> list:
    """Three cases of a part."""
    return [case for case in ALL_CASES if case.part == part][:3]


def changed(**functions) -> ModuleType:
    """The functional layers with some of them replaced."""
    layers = ModuleType("changed")
    vars(layers).update(vars(functional) | functions)
    return layers


def times_1_01(name: str):
    def backward(*args):
        first, *rest = getattr(functional, name)(*args)
        return (1.01 * first, *rest)

    return backward


def lstm_step_backward_in_place(dnext_h, dnext_c, cache):
    """A classic mistake: right numbers, and the caller's gradient is another one afterwards."""
    x, prev_h, prev_c, Wx, Wh, b, gates, tanh_c = cache
    i, f, o, g = np.split(gates, 4, axis=1)
    dnext_c += dnext_h * o * (1 - tanh_c**2)
    slopes = i * (1 - i), f * (1 - f), o * (1 - o), 1 - g * g
    ups = dnext_c * g, dnext_c * prev_c, dnext_h * tanh_c, dnext_c * i
    da = np.concatenate([up * slope for up, slope in zip(ups, slopes, strict=True)], axis=1)
    db = da if b.ndim == 2 else da.sum(axis=0)
    return da @ Wx.T, da @ Wh.T, dnext_c * f, x.T @ da, prev_h.T @ da, db


PARTS = list(dict.fromkeys(case.part for case in ALL_CASES))


def test_everything_that_has_a_backward_is_there() -> None:
    layers = {name.removesuffix("_backward") for name in functional.__all__ if name.endswith("_backward")}
    losses = {name for name in functional.__all__ if name.endswith("_loss")}
    assert {part.split(",")[0] for part in PARTS} == layers | losses | {"CaptionDecoder", "word_gradients"}
    assert {"rnn, tanh", "rnn, relu", "rnn_step, tanh", "rnn_step, relu"} <= set(PARTS)
    assert len({case.name for case in ALL_CASES}) == len(ALL_CASES)


@pytest.mark.parametrize("part", PARTS)
def test_correct_gradient_passes(part: str) -> None:
    reports = []
    [verdict] = check(functional, few(part), lambda done, total, note="": reports.append((done, total)))
    assert verdict.passed, str(verdict.worst)
    assert (verdict.part, verdict.cases) == (part, 3)
    assert reports == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("part", [part for part in PARTS if part.split(",")[0] in ("gru", "rnn_step", "attention")])
def test_a_factor_fails_with_both_numbers(part: str) -> None:
    name = f"{part.split(',')[0]}_backward"
    found = {"mine": check(changed(**{name: times_1_01(name)}), few(part))}
    [verdict] = found["mine"]
    assert not verdict.passed
    assert verdict.worst.exact == pytest.approx(1.01 * verdict.worst.numeric, rel=1e-6)
    failure = check_table.as_text(found)[-1]
    assert failure.startswith(f"FAIL {part}, mine: {verdict.case}: {verdict.worst.argument}: finite differences ")
    assert repr(verdict.worst.numeric) in failure
    assert repr(verdict.worst.exact) in failure


def test_a_gradient_changed_in_place_fails() -> None:
    [verdict] = check(changed(lstm_step_backward=lstm_step_backward_in_place), few("lstm_step"))
    assert not verdict.passed
    assert verdict.worst.error > 1e-3


def test_a_forgotten_slope_fails() -> None:
    """A derivative of the sigmoid that is taken for 1 in the GRU."""

    def backward(dh, cache):
        gates = sigmoid(np.zeros(3))
        dx, *rest = functional.gru_backward(dh, cache)
        return (dx / (gates[0] * (1 - gates[0])), *rest)

    [verdict] = check(changed(gru_backward=backward), few("gru"))
    assert verdict.worst.argument == "x"
    assert not verdict.passed


def test_a_wrong_loss_gradient_fails() -> None:
    def loss(*args, **options):
        value, grad = functional.temporal_softmax_loss(*args, **options)
        return value, -grad

    [verdict] = check(changed(temporal_softmax_loss=loss), few("temporal_softmax_loss"))
    assert verdict.worst.exact == pytest.approx(-verdict.worst.numeric)
    assert not verdict.passed


@pytest.mark.skipif(not kernels.available(), reason="the kernels were not compiled")
def test_each_instruction_set_is_used_and_the_first_comes_back() -> None:
    before = kernels.get_instruction_set()
    seen = [(name, layers, kernels.get_instruction_set()) for name, layers in backends()]
    assert seen[0][:2] == ("numpy", functional)
    assert seen[1:] == [(name, kernels, name) for name in kernels.instruction_sets()]
    assert kernels.get_instruction_set() == before


def test_without_kernels_there_is_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "available", lambda: False)
    assert list(backends()) == [("numpy", functional)]
