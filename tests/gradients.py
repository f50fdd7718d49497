"""What every backward is held to: finite differences, nothing changed, twice the same, the dtype kept."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from showtell.lab.cases import Case
from showtell.lab.differences import TOLERANCE, GradientCheck, slopes
from showtell.nn import kernels

TOLERANCE_AUTOGRAD = 1e-10
# between torch's numbers of one machine and of another
TOLERANCE_ON_FILE = 1e-12


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


def check_differences(check: GradientCheck) -> None:
    """Hold the gradients against finite differences.

    The loss is computed by one thread: it is little work, hundreds of times, and to wait for another takes ten times as
    long. The gradients are what they were when the check was made.
    """
    threads = kernels.get_num_threads()
    kernels.set_num_threads(1)
    try:
        for slope in slopes(check, np.random.default_rng(7)):
            assert slope.error <= TOLERANCE, str(slope)
    finally:
        kernels.set_num_threads(threads)


def check_backward(case: Case, layers: ModuleType) -> None:
    """Hold a backward to everything that a backward promises."""
    forward, backward = case.forward(layers), case.backward(layers)
    args = frozen(*case.args)
    *outs, cache = forward(*args)
    assert len(outs) == case.values
    ups = frozen(*case.ups(outs))
    grads, again = as_tuple(backward(*ups, cache)), as_tuple(backward(*ups, cache))
    assert len(grads) == len(args)
    for grad, twice, arg in zip(grads, again, args, strict=True):
        assert grad.shape == arg.shape
        assert grad.dtype == arg.dtype
        np.testing.assert_array_equal(grad, twice, err_msg="the second call of the backward differs")
    check_differences(case.gradient_check(layers))
    _check_float32(case, layers, ups, [*outs, *grads])


def as_tuple(grads: np.ndarray | tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    return grads if isinstance(grads, tuple) else (grads,)


def _check_float32(case: Case, layers: ModuleType, ups: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
    """The same in float32: float32 comes out, and the numbers are those of float64 to its precision."""
    *outs, cache = case.forward(layers)(*(arg.astype(np.float32) for arg in case.args))
    grads = as_tuple(case.backward(layers)(*(up.astype(np.float32) for up in ups), cache))
    for single, double in zip([*outs, *grads], expected, strict=True):
        assert single.dtype == np.float32
        assert relative_error(single, double) < 2e-5
