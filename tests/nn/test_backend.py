"""Both implementations are what the protocol says, and each can be chosen."""

from __future__ import annotations

import inspect
from types import ModuleType

import numpy as np
import pytest

from showtell.errors import ShowtellError
from showtell.nn import functional, kernels, optimizer
from showtell.nn.backend import (
    Backend,
    Optimizer,
    backend_named,
    check_precision,
    default_backend,
    default_optimizer,
    recurrent_layer,
)
from showtell.nn.choices import GATES

compiled = pytest.mark.skipif(not kernels.available(), reason="the kernels were not compiled")


def public(protocol: type) -> list[str]:
    return [name for name in vars(protocol) if not name.startswith("_")]


def parameters(function: object) -> list[tuple[str, object, object]]:
    """Name, kind and default of each parameter; a constructor's are its object's."""
    found = inspect.signature(function).parameters.values()
    return [(one.name, one.kind, one.default) for one in found if one.name != "self"]


@pytest.mark.parametrize("module", [functional, kernels], ids=["functional", "kernels"])
@pytest.mark.parametrize("name", public(Backend))
def test_a_backend_has_the_protocol_s_signatures(module: ModuleType, name: str) -> None:
    ours = parameters(getattr(module, name))
    if name in ("affine_backward", "vocabulary_loss"):  # of an overload nothing is left at run time
        assert ours == parameters(getattr(functional, name))
    else:
        assert ours == parameters(getattr(Backend, name))


@pytest.mark.parametrize("module", [optimizer, kernels], ids=["numpy", "kernels"])
@pytest.mark.parametrize("name", public(Optimizer))
def test_an_optimizer_has_the_protocol_s_signatures(module: ModuleType, name: str) -> None:
    assert parameters(getattr(module, name)) == parameters(getattr(Optimizer, name))


@pytest.mark.parametrize("name", [name for name in functional.__all__ if inspect.isfunction(getattr(functional, name))])
def test_what_is_in_both_modules_is_called_alike(name: str) -> None:
    """Also what no decoder calls, such as single steps."""
    assert parameters(getattr(kernels, name)) == parameters(getattr(functional, name))


def test_the_protocol_has_every_layer() -> None:
    """But what is there for a single step, and what the kernels do in one with another layer."""
    others = {"temporal_affine", "temporal_softmax_loss", "log_softmax", "sigmoid"}
    layers = {name for name in functional.__all__ if "_step_" not in name and not name.startswith(tuple(others))}
    assert layers == set(public(Backend))


@pytest.mark.parametrize("cell", GATES)
def test_a_recurrent_layer_is_that_of_its_name(layers: Backend, cell: str) -> None:
    rng, layer = np.random.default_rng(0), recurrent_layer(layers, cell, "relu")
    N, T, D, H, G = 2, 3, 4, 5, 5 * GATES[cell]
    arguments = [rng.standard_normal(shape) for shape in ((N, T, D), (N, H), (D, G), (H, G), (G,))]
    h, cache = layer.forward(*arguments, lengths=np.array([3, 1]))
    activation = ("relu",) if cell == "rnn" else ()
    expected, other = getattr(layers, f"{cell}_forward")(*arguments, *activation, lengths=np.array([3, 1]))
    np.testing.assert_array_equal(h, expected)
    for ours, theirs in zip(layer.backward(h, cache), getattr(layers, f"{cell}_backward")(h, other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@compiled
def test_without_the_library_numpy_computes_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    default_backend.cache_clear()
    monkeypatch.setattr(kernels, "available", lambda: False)
    with pytest.warns(RuntimeWarning, match="showtell runs on NumPy"):
        assert default_backend() is functional
    assert default_backend() is functional
    assert default_optimizer() is optimizer
    default_backend.cache_clear()
    monkeypatch.undo()
    assert default_backend() is kernels
    assert default_optimizer() is kernels


@pytest.mark.parametrize("module", [functional, kernels], ids=["functional", "kernels"])
def test_a_backend_is_found_by_its_name(module: Backend) -> None:
    assert backend_named(module.__name__) is module


def test_a_precision_that_is_not_there_is_refused() -> None:
    check_precision(functional, "float32")
    check_precision(kernels, "bf16")
    with pytest.raises(ShowtellError, match=r"precision is 'int8', expected one of 'float32', 'bf16'"):
        check_precision(kernels, "int8")
    with pytest.raises(ShowtellError, match=r"precision 'bf16' needs the compiled layers, showtell\.nn\.kernels"):
        check_precision(functional, "bf16")


@pytest.mark.parametrize("layer", ["affine", "rnn", "gru", "lstm", "vocabulary_loss", "Affine", "DecodingStep"])
def test_numpy_has_no_bfloat16(layer: str) -> None:
    function = getattr(functional, f"{layer}_forward" if layer in ("affine", *GATES) else layer)
    kinds = [one for _, one, default in parameters(function) if one is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    with pytest.raises(
        ShowtellError, match=r"precision is 'bf16', expected 'float32'; the compiled layers have others"
    ):
        function(*[np.zeros((1, 1))] * len(kinds), precision="bf16")
