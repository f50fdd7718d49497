"""Calls of the compiled layers with any arguments: they compute what NumPy does, or refuse and touch nothing."""

from __future__ import annotations

import random
from pathlib import Path

from campaign.tally import Tally
from campaign.workers import Case, Outcome, run
from nn.kernels.calls import FUNCTIONS, arguments, check_call
from showtell.nn import kernels


def campaign(folder: Path, seed: int, seconds: float) -> Tally:
    """Calls for so many seconds; memory is not bounded, as a sanitizer takes addresses for all there is."""
    if not kernels.available():
        raise RuntimeError("layers: the kernels were not compiled")
    return run(Tally("layers", "calls of the compiled layers"), prepare, folder, seed, seconds, bounded=False)


def prepare(folder: Path, seed: int) -> Case:
    """The cases: a call each."""
    names = list(FUNCTIONS)

    def case(number: int) -> Outcome:
        rng = random.Random(f"{seed} layers {number}")
        function = rng.choice(names)
        return "well" if check_call(function, arguments(rng.choice, function)) else "refused"

    return case
