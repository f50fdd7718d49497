from __future__ import annotations

import math

import numpy as np
import pytest

from showtell.errors import ShowtellError
from showtell.lab.differences import TOLERANCE, GradientCheck, slopes


def cubes(a: np.ndarray, b: np.ndarray) -> float:
    return float((a**3).sum() + (2 * b).sum())


def check(**changed: np.ndarray) -> GradientCheck:
    a, b = np.random.default_rng(0).standard_normal((2, 3, 4))
    return GradientCheck(cubes, {"a": a, "b": b}, {"a": 3 * a**2, "b": np.full_like(b, 2)} | changed, 1e-3)


def test_a_right_gradient_is_found_right() -> None:
    found = list(slopes(check(), np.random.default_rng(0)))
    assert [slope.argument for slope in found] == ["a"] * 6 + ["b"] * 6
    assert max(slope.error for slope in found) < 1e-10


def test_a_wrong_number_shows_with_both_numbers() -> None:
    wrong = np.full((3, 4), 2 * (1 + 1e-6))
    found = list(slopes(check(b=wrong), np.random.default_rng(0)))
    assert all(slope.error <= TOLERANCE for slope in found[:6])
    assert all(slope.error == pytest.approx(1e-6, rel=1e-3) for slope in found[6:])
    said = str(found[6])
    assert said.startswith("b: finite differences ")
    assert repr(found[6].numeric) in said
    assert repr(found[6].exact) in said


def test_nan_is_an_infinite_error() -> None:
    found = list(slopes(check(a=np.full((3, 4), np.nan)), np.random.default_rng(0)))
    assert [slope.error for slope in found[:6]] == [math.inf] * 6


def test_a_gradient_of_another_shape_is_named() -> None:
    with pytest.raises(ShowtellError, match=r"the gradient of a has shape \(4, 3\), expected \(3, 4\)"):
        list(slopes(check(a=np.zeros((4, 3))), np.random.default_rng(0)))


def test_an_argument_without_numbers_has_no_slope() -> None:
    empty = np.zeros((0, 4))
    assert not list(slopes(GradientCheck(lambda a: 0.0, {"a": empty}, {"a": empty}, 1e-3), np.random.default_rng(0)))
