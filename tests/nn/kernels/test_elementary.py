"""exp, sigmoid and tanh of the kernels against long double, in units in the last place."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import OF_FLOATS, each
from showtell.nn.kernels.library import Precision, dtype_code, kernels_of, native
from showtell.nn.kernels.workspace import pointer

NUMBERS = {"exp": 0, "sigmoid": 1, "tanh": 2}
# The sigmoid's is that of exp, of the sum and of the quotient together
ULPS = {"exp": 2, "sigmoid": 3, "tanh": 2}


def compute(function: str, x: np.ndarray, precision: Precision = "float32") -> np.ndarray:
    y = np.empty_like(x)
    kernels = kernels_of(dtype_code(x.dtype, precision))
    native().showtell_elementary(kernels, NUMBERS[function], pointer(x), pointer(y), x.size)
    return y


def exact(function: str, x: np.ndarray) -> np.ndarray:
    x = x.astype(np.longdouble)
    if function == "exp":
        return np.exp(x)
    return np.tanh(x) if function == "tanh" else 1 / (1 + np.exp(-x))


def points(dtype: type) -> np.ndarray:
    """Around 0, near and far from it, of both signs; the places where a formula ends and another begins."""
    rng = np.random.default_rng(0)
    count = 200_000
    parts = [
        rng.uniform(-1, 1, count),
        rng.uniform(-20, 20, count),
        rng.uniform(-87, 87, count),
        10.0 ** rng.uniform(-30, 1, count) * rng.choice([-1, 1], count),
        0.625 + rng.uniform(-1e-6, 1e-6, 1000),
        np.array([0.0, -0.0, 0.5 * np.log(2), -0.5 * np.log(2)]),
    ]
    return np.concatenate(parts).astype(dtype)


of_floats = pytest.mark.parametrize("compiled", each(OF_FLOATS), indirect=True)


@of_floats
@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("function", NUMBERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_errors_are_two_or_three_units_in_the_last_place(function: str, dtype: type) -> None:
    x = points(dtype)
    ours, theirs = compute(function, x), exact(function, x)
    unit = np.spacing(np.abs(theirs).astype(dtype)).astype(np.longdouble)
    error = np.abs(ours.astype(np.longdouble) - theirs) / unit
    worst = error.argmax()
    assert error[worst] <= ULPS[function], (
        f"{function}({x[worst]!r}) is {ours[worst]!r}, {error[worst]:.2f} ulp from {theirs[worst]!r}"
    )


@of_floats
@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_ends_of_the_range(dtype: type) -> None:
    x = np.array([-np.inf, -1e30, -800, 800, 1e30, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(compute("exp", x), np.array([0, 0, 0, np.inf, np.inf, np.inf, np.nan], dtype))
    np.testing.assert_array_equal(compute("sigmoid", x), np.array([0, 0, 0, 1, 1, 1, np.nan], dtype))
    np.testing.assert_array_equal(compute("tanh", x), np.array([-1, -1, -1, 1, 1, 1, np.nan], dtype))


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
def test_gates_of_bfloat16_are_within_2_to_the_minus_19(function: str) -> None:
    x = points(np.float32)
    assert np.abs(compute(function, x, "bf16").astype(np.longdouble) - exact(function, x)).max() < 2**-19
    ends = np.array([-np.inf, -1e30, 1e30, np.inf, np.nan], np.float32)
    low = 0 if function == "sigmoid" else -1
    np.testing.assert_allclose(compute(function, ends, "bf16"), [low, low, 1, 1, np.nan], atol=2**-19)
