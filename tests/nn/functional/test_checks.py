from __future__ import annotations

import re

import numpy as np
import pytest

from showtell.errors import ShowtellError
from showtell.nn import functional
from showtell.nn.functional.checks import DTypeError, ShapeError, check_arrays


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape)


def test_sizes_are_read_off() -> None:
    sizes = check_arrays("f", x=(ones(2, 3), "N D"), W=(ones(3, 20), "D 4H"), b=(ones(20), "4H"))
    assert sizes == {"N": 2, "D": 3, "H": 5}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": (ones(2, 3), "N D"), "W": (ones(4, 5), "D H")}, "f: W has shape (4, 5), expected (3, 5) = (D, H)"),
        ({"x": (ones(2), "N D")}, "f: x has shape (2,), expected (N, D)"),
        ({"h": (ones(2, 5), "N H"), "b": (ones(9), "4H")}, "f: b has shape (9,), expected (20,) = (4H,)"),
        ({"W": (ones(3, 9), "D 4H")}, "f: W has shape (3, 9), expected (3, 8) = (D, 4H)"),
        ({"h": (ones(2, 5), "N H"), "c": (ones(2, 5, 1), "N H")}, "f: c has shape (2, 5, 1), expected (2, 5) = (N, H)"),
    ],
)
def test_a_wrong_shape_names_the_mend(arrays, message) -> None:
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        check_arrays("f", **arrays)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((2, 2), int), "f: x has dtype int64, expected float32 or float64"),
        (np.ones((2, 2), np.float16), "f: x has dtype float16, expected float32 or float64"),
        ([[1.0]], "f: x is a list, expected a NumPy array"),
    ],
)
def test_a_wrong_dtype_names_the_mend(x, message) -> None:
    with pytest.raises(DTypeError, match=f"^{re.escape(message)}$"):
        check_arrays("f", x=(x, "N D"))


def test_dtypes_are_not_mixed() -> None:
    with pytest.raises(DTypeError, match="b has dtype float32, expected float64 as x"):
        check_arrays("f", x=(ones(2, 2), "N D"), b=(np.ones(2, np.float32), "D"))


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_the_layers_check(cell: str, gates: int) -> None:
    N, T, D, H = 2, 3, 4, 5
    args = {
        "x": ones(N, T, D),
        "h0": ones(N, H),
        "Wx": ones(D, gates * H),
        "Wh": ones(H, gates * H),
        "b": ones(gates * H),
    }
    forward = getattr(functional, f"{cell}_forward")
    _, cache = forward(**args)
    for name, array in args.items():
        with pytest.raises(ShapeError, match=f"{cell}_forward: "):
            forward(**args | {name: array[..., :-1]})
    with pytest.raises(ShapeError, match=rf"{cell}_backward: dh has shape \(2, 2, 5\), expected \(2, 3, 5\)"):
        getattr(functional, f"{cell}_backward")(ones(N, T - 1, H), cache)


def test_an_activation_of_another_name() -> None:
    with pytest.raises(ShowtellError, match="activation is 'gelu'"):
        functional.rnn_step_forward(ones(1, 1), ones(1, 1), ones(1, 1), ones(1, 1), ones(1), "gelu")  # type: ignore[arg-type]
