"""What is updated in place, in NumPy and compiled: what cannot be is refused and left as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from optimizers import ADAM
from showtell.errors import ShowtellError
from showtell.nn.backend import Optimizer

Arrays = dict[str, np.ndarray]


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a["param"].setflags(write=False), "param is read-only; it cannot be updated in place"),
        (lambda a: a.update(param=ones(8)[::2]), "param is not contiguous"),
        (lambda a: a.update(param=ones(4)[::-1]), "param is not contiguous"),
        (lambda a: a.update(exp_avg_sq=a["exp_avg"]), "exp_avg and exp_avg_sq share memory"),
        (lambda a: a.update(grad=a["param"]), "param and grad share memory"),
        (lambda a: a.update(exp_avg=ones(2, 2)), r"exp_avg has shape \(2, 2\), expected \(4,\) as param"),
    ],
)
def test_weights_that_cannot_be_updated_are_refused(
    optimizer: Optimizer, change: Callable[[Arrays], None], message: str
) -> None:
    arrays: Arrays = {name: ones(4) for name in ("param", "exp_avg", "exp_avg_sq", "grad")}
    change(arrays)
    with pytest.raises(ShowtellError, match=message):
        optimizer.adam_update(**arrays, **ADAM)
    assert all((array == 1).all() for array in arrays.values())


def test_weights_in_fortran_order_are_refused_and_not_left_alone_in_silence(optimizer: Optimizer) -> None:
    turned = ones(4, 3).T
    with pytest.raises(ShowtellError, match="param is not contiguous; it cannot be updated in place"):
        optimizer.adam_update(turned, ones(3, 4), ones(3, 4), ones(3, 4), **ADAM)


def test_an_array_mapped_read_only_is_refused(optimizer: Optimizer, tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", ones(5000))
    mapped = np.load(tmp_path / "w.npy", mmap_mode="r")
    with pytest.raises(ShowtellError, match="param is read-only"):
        optimizer.adam_update(mapped, ones(5000), ones(5000), ones(5000), **ADAM)


def test_a_sum_of_squares_of_integers_is_refused(optimizer: Optimizer) -> None:
    with pytest.raises(ShowtellError, match="x has dtype int64, expected float32 or float64"):
        optimizer.sum_of_squares(np.arange(3))


def test_sizes_that_no_memory_holds_are_refused(optimizer: Optimizer) -> None:
    with pytest.raises(ShowtellError, match=r"expected fewer than 2\*\*40 numbers"):
        optimizer.sum_of_squares(np.broadcast_to(np.ones(1), (2**41,)))
