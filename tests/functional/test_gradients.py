"""Every layer, many shapes: the backward against finite differences, torch's autograd, and torch's numbers on file."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cases import CASES, Case
from gradients import TOLERANCE_AUTOGRAD, check_backward, relative_error

GOLDEN = Path(__file__).parent / "golden" / "layers.npz"

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@each_case
def test_finite_differences(case: Case, layers: ModuleType) -> None:
    # ReLU is straight between its kinks: a small step crosses few, and loses nothing to curvature
    epsilon = 1e-3 if case.smooth else 1e-5
    check_backward(case.forward(layers), case.backward(layers), case.args, values=case.values, epsilon=epsilon)


def compare(layers: ModuleType, case: Case, values: list[np.ndarray], grads: list[np.ndarray]) -> None:
    """Ours against torch's values and gradients."""
    *ours, cache = case.forward(layers)(*case.args)
    for index, (our, their) in enumerate(zip(ours, values, strict=True)):
        error = relative_error(our, their)
        assert error <= TOLERANCE_AUTOGRAD, f"{case.name}: value {index} differs by {error:.1e}"
    found = case.backward(layers)(*case.ups(ours), cache)
    found = found if isinstance(found, tuple) else (found,)
    for index, (our, their) in enumerate(zip(found, grads, strict=True)):
        error = relative_error(our, their)
        assert error <= TOLERANCE_AUTOGRAD, f"{case.name}: gradient {index} differs by {error:.1e}"


@each_case
def test_autograd(case: Case, layers: ModuleType) -> None:
    pytest.importorskip("torch")
    import oracle

    if 0 in case.args[0].shape:
        pytest.skip("torch's recurrent layers refuse an empty sequence; the golden test covers what must come out")
    compare(layers, case, *oracle.gradients(case))


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        return dict(file)


@each_case
def test_golden(case: Case, layers: ModuleType, golden: dict[str, np.ndarray]) -> None:
    """The numbers that torch gave when the file was made (`tests/make_golden.py`)."""
    if 0 in case.args[0].shape:
        *values, cache = case.forward(layers)(*case.args)
        grads = case.backward(layers)(*case.ups(values), cache)
        # With no time step the state's gradient is that of nothing, and with no caption every sum is empty
        for grad in grads if isinstance(grads, tuple) else (grads,):
            assert not grad.any()
        return
    names = sorted(name for name in golden if name.startswith(f"{case.name}/"))
    values = [golden[name] for name in names if "/value" in name]
    grads = [golden[name] for name in names if "/grad" in name]
    assert grads, f"{case.name} is not in {GOLDEN.name}: run tests/make_golden.py"
    compare(layers, case, values, grads)
