from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from showtell import functional, kernels

SETS = kernels.instruction_sets() if kernels.available() else []


@pytest.fixture(params=["functional", *(f"kernels-{name}" for name in SETS)])
def layers(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """Who computes: the functional layers, and the compiled ones with each instruction set that this machine has."""
    if request.param == "functional":
        yield functional
        return
    before = kernels.get_instruction_set()
    kernels.set_instruction_set(request.param.removeprefix("kernels-"))
    yield kernels
    kernels.set_instruction_set(before)
