"""Every layer, many shapes: its backward against finite differences and torch's autograd, whose numbers are on file."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from gradients import TOLERANCE_AUTOGRAD, TOLERANCE_ON_FILE, check_backward, relative_error
from showtell.errors import ShowtellError
from showtell.lab.cases import CASES, DROPOUT, Case

GOLDEN = Path(__file__).parent / "golden" / "layers.npz"

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.mark.parametrize("case", [*CASES, *DROPOUT], ids=lambda case: case.name)
def test_finite_differences(case: Case, layers: ModuleType) -> None:
    check_backward(case, layers)


def test_an_affine_layer_whose_input_is_not_learnt(layers: ModuleType) -> None:
    rng = np.random.default_rng(0)
    x, w, b, up = (rng.standard_normal(shape) for shape in ((9, 5), (5, 7), (7,), (9, 7)))
    _, cache = layers.affine_forward(x, w, b)
    none, *found = layers.affine_backward(up, cache, with_dx=False)
    assert none is None
    for ours, theirs in zip(found, layers.affine_backward(up, cache)[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("shape", [(9, 5), (1, 3), (0, 4), (7, 2, 3), (5, 40)])
def test_weights_that_stay_do_what_an_affine_layer_does(layers: ModuleType, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal(shape), rng.standard_normal((int(np.prod(shape[1:])), 37)), rng.standard_normal(37)
    stays = layers.Affine(w, b)
    np.testing.assert_array_equal(stays(x), layers.affine_forward(x, w, b)[0])
    np.testing.assert_array_equal(stays(x[::2]), layers.affine_forward(x[::2], w, b)[0])


def test_wrong_calls_of_weights_that_stay_are_named(layers: ModuleType) -> None:
    stays = layers.Affine(np.zeros((5, 7)), np.zeros(7))
    for wrong in (np.zeros((2, 6)), np.zeros(5), np.zeros((2, 5), np.float32)):
        with pytest.raises(ShowtellError, match="Affine"):
            stays(wrong)
    with pytest.raises(ShowtellError, match="Affine"):
        layers.Affine(np.zeros((5, 7)), np.zeros(6))


def test_attention_s_weights_are_a_mean(layers: ModuleType) -> None:
    """Of equal values it makes the value itself, and a key that fits far better than all others is all that counts."""
    rng = np.random.default_rng(0)
    q, k = rng.standard_normal((4, 6)), rng.standard_normal((2, 9, 6))
    photo = np.array([1, 0, 1, 1])
    context, _ = layers.attention_forward(q, k, np.full((2, 9, 6), 3.0), photo, 2)
    np.testing.assert_allclose(context, 3)
    k[1, 4], v = 1e4 * q[0], rng.standard_normal((2, 9, 6))
    context, _ = layers.attention_forward(q, k, v, photo)
    np.testing.assert_allclose(context[0], v[1, 4])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 4}, "heads is 4, expected a divisor of A, 6"),
        ({"photo": np.array([0, 1, 2])}, "photo holds 0 to 2, expected 0 to 1"),
        ({"photo": np.array([0, -1, 1])}, "photo holds -1 to 1"),
        ({"photo": np.array([0, 1])}, r"photo has shape \(2,\)"),
        ({"k": np.zeros((2, 9, 5))}, r"k has shape \(2, 9, 5\)"),
        ({"k": np.zeros((2, 0, 6)), "v": np.zeros((2, 0, 6))}, "no position"),
    ],
)
def test_wrong_calls_of_attention_are_named(layers: ModuleType, changes: dict, message: str) -> None:
    usual = {"q": np.zeros((3, 6)), "k": np.zeros((2, 9, 6)), "v": np.zeros((2, 9, 6)), "photo": np.array([0, 1, 0])}
    with pytest.raises((ShowtellError, IndexError), match=message):
        layers.attention_forward(**(usual | changes))


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


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        return dict(file)


@each_case
def test_autograd(case: Case, layers: ModuleType, golden: dict[str, np.ndarray]) -> None:
    """Torch's values and gradients, as `make_golden.py` wrote them."""
    if 0 in case.args[0].shape:
        *values, cache = case.forward(layers)(*case.args)
        grads = case.backward(layers)(*case.ups(values), cache)
        # Torch's recurrent layers refuse an empty sequence. With no time step the state's gradient is that of nothing,
        # and with no caption every sum is empty
        for grad in grads if isinstance(grads, tuple) else (grads,):
            assert not grad.any()
        return
    names = sorted(name for name in golden if name.startswith(f"{case.name}/"))
    values = [golden[name] for name in names if "/value" in name]
    grads = [golden[name] for name in names if "/grad" in name]
    assert grads, f"{case.name} is not in {GOLDEN.name}: run tests/make_golden.py"
    compare(layers, case, values, grads)


@pytest.mark.oracle
def test_the_numbers_on_file_are_torch_s(golden: dict[str, np.ndarray]) -> None:
    pytest.importorskip("torch")
    import make_golden

    theirs = make_golden.layers()
    assert golden.keys() == theirs.keys()
    for name, array in theirs.items():
        assert relative_error(golden[name], array) <= TOLERANCE_ON_FILE, name
