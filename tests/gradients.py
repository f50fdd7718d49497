"""What every backward is held to: finite differences, nothing changed, twice the same, the dtype kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

TOLERANCE_FINITE_DIFFERENCES = 1e-8
TOLERANCE_AUTOGRAD = 1e-10

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
STEPS = [(N, D, H) for N, T, D, H in SEQUENCES if T]


def frozen(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """The arrays, made read-only: whoever writes to one raises."""
    for array in arrays:
        array.flags.writeable = False
    return arrays


def relative_error(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference, relative to the largest number; 0 for empty arrays."""
    assert ours.shape == theirs.shape, f"shape {ours.shape}, expected {theirs.shape}"
    if not ours.size:
        return 0.0
    scale = max(np.abs(ours).max(), np.abs(theirs).max())
    return float(np.abs(ours - theirs).max() / scale) if scale else 0.0


def check_backward(
    forward: Callable[..., tuple[Any, ...]],
    backward: Callable[..., Any],
    args: Sequence[np.ndarray],
    *,
    values: int = 1,
    epsilon: float = 1e-3,
) -> float:
    """Hold `backward` to everything that a backward promises; the largest relative error against finite differences.

    The loss is a random projection of the forward's first `values` results. Its slope along random directions of each
    argument, by a five-point stencil (error of the order epsilon ** 4), is held against the gradient's.
    """
    rng = np.random.default_rng(7)
    args = frozen(*args)
    *outs, cache = forward(*args)
    assert len(outs) == values
    ups = frozen(*(rng.standard_normal(out.shape) for out in outs))

    def as_tuple(grads: Any) -> tuple[np.ndarray, ...]:
        return grads if isinstance(grads, tuple) else (grads,)

    grads = as_tuple(backward(*ups, cache))
    again = as_tuple(backward(*ups, cache))
    assert len(grads) == len(args)
    for grad, twice, arg in zip(grads, again, args, strict=True):
        assert grad.shape == arg.shape
        assert grad.dtype == arg.dtype
        np.testing.assert_array_equal(grad, twice, err_msg="the second call of the backward differs")

    def loss(*changed: np.ndarray) -> float:
        results = forward(*changed)[:values]
        return float(sum(np.vdot(up, out) for up, out in zip(ups, results, strict=True)))

    worst = 0.0
    for place, (arg, grad) in enumerate(zip(args, grads, strict=True)):
        for direction in _directions(rng, arg.shape):
            at = [loss(*args[:place], arg + k * epsilon * direction, *args[place + 1 :]) for k in (-2, -1, 1, 2)]
            numeric = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * epsilon)
            exact = float(np.vdot(grad, direction))
            # A slope much smaller than its direction's usual one is a difference of large numbers
            scale = max(abs(numeric), abs(exact), 0.1 * float(np.linalg.norm(grad)), 1e-6)
            error = abs(numeric - exact) / scale
            assert error <= TOLERANCE_FINITE_DIFFERENCES, (
                f"argument {place}: finite differences {numeric!r}, backward {exact!r}, relative error {error:.1e}"
            )
            worst = max(worst, error)
    _check_float32(forward, backward, args, ups, outs, grads)
    return worst


def _directions(rng: np.random.Generator, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Three dense directions of length 1, and up to three along one coordinate."""
    size = int(np.prod(shape))
    if not size:
        return []
    dense = [rng.standard_normal(shape) for _ in range(3)]
    coordinates = [np.eye(1, size, rng.integers(size)).reshape(shape) for _ in range(3)]
    return [direction / np.linalg.norm(direction) for direction in dense] + coordinates


def _check_float32(
    forward: Callable[..., tuple[Any, ...]],
    backward: Callable[..., Any],
    args: Sequence[np.ndarray],
    ups: Sequence[np.ndarray],
    outs: Sequence[np.ndarray],
    grads: Sequence[np.ndarray],
) -> None:
    """The same in float32: float32 comes out, and the numbers are those of float64 to its precision."""
    *outs32, cache = forward(*(arg.astype(np.float32) for arg in args))
    grads32 = backward(*(up.astype(np.float32) for up in ups), cache)
    grads32 = grads32 if isinstance(grads32, tuple) else (grads32,)
    for single, double in zip([*outs32, *grads32], [*outs, *grads], strict=True):
        assert single.dtype == np.float32
        assert relative_error(single, double) < 2e-5
