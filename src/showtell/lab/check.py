"""The gradient check: every backward, on every case, against finite differences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from showtell._util.progress import Report
from showtell.lab.cases import CASES, DROPOUT
from showtell.lab.decoder_cases import DECODERS, SAID
from showtell.lab.differences import TOLERANCE, GradientCheck, Slope, slopes
from showtell.lab.loss_cases import LOSSES
from showtell.nn import functional, kernels
from showtell.nn.backend import Backend


class Checkable(Protocol):
    """A case with a backward pass: the part of the package, and a name."""

    @property
    def part(self) -> str:
        """The layer, with its activation where it has a choice."""

    @property
    def name(self) -> str:
        """The layer and the shapes."""

    def gradient_check(self, backend: Backend) -> GradientCheck:
        """What is to be differentiated, computed by `showtell.nn.functional` or `showtell.nn.kernels`."""


class Verdict(NamedTuple):
    """The result for one part over all its cases; `worst` is the slope with the largest error, in `case`."""

    part: str
    cases: int
    case: str
    worst: Slope

    @property
    def passed(self) -> bool:
        """Whether no error is above the tolerance."""
        return self.worst.error <= TOLERANCE


ALL_CASES: tuple[Checkable, ...] = (*CASES, *DROPOUT, *LOSSES, *DECODERS, *SAID)
"""All that has a backward."""


def check(backend: Backend, cases: Sequence[Checkable], advance: Report | None = None) -> list[Verdict]:
    """Check the backward pass of each case against finite differences; a verdict per part, in the order of the cases.

    Raises:
        ShowtellError: a gradient has another shape than its argument.
    """
    found: dict[str, list[tuple[str, Slope]]] = {}
    counts: dict[str, int] = {}
    for done, case in enumerate(cases):
        rng = np.random.default_rng(7)
        found.setdefault(case.part, []).extend(
            (case.name, slope) for slope in slopes(case.gradient_check(backend), rng)
        )
        counts[case.part] = counts.get(case.part, 0) + 1
        if advance:
            advance(done + 1, len(cases))
    worst = {part: max(measured, key=lambda item: item[1].error) for part, measured in found.items()}
    return [Verdict(part, counts[part], *worst[part]) for part in found]


def backends() -> Iterator[tuple[str, Backend]]:
    """The backends by name: NumPy, and the compiled layers with each instruction set, selected while yielded."""
    yield "numpy", functional
    if not kernels.available():
        return
    before = kernels.get_instruction_set()
    try:
        for name in kernels.instruction_sets():
            kernels.set_instruction_set(name)
            yield name, kernels
    finally:
        kernels.set_instruction_set(before)
