"""The table of gradient flow through time, with a line for each network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from showtell.lab.flow import CAPTIONS, DRAWS, Flow

_LOST = 1e-3


def as_text(flows: Sequence[Flow]) -> list[str]:
    """The median norm at some distances, and after how many steps it is below a thousandth of what it was for good."""
    steps = len(flows[0].median) - 1
    distances = sorted({max(1, round(steps * share)) for share in (0.01, 0.1, 0.25, 0.5, 1)})
    width = max(len(flow.network.name) for flow in flows)
    heads = "".join(f"{distance:>10}" for distance in distances)
    lines = [f"{'steps back in time':{width}}{heads}  below {_LOST} after"]
    for flow in flows:
        norms = "".join(f"{power(flow.median[distance]):>10}" for distance in distances)
        lines.append(f"{flow.network.name:{width}}{norms}  {_lost_after(flow)}")
    return lines


def as_json(flows: Sequence[Flow]) -> dict[str, Any]:
    """All numbers: log10 of the norm by distance, from 0 steps back on; null where nothing is left."""
    return {
        "what": "log10 of the gradient's norm by steps back in time, relative to that at the last step",
        "gradients": CAPTIONS * DRAWS,
        "networks": [
            {
                "name": flow.network.name,
                "lower quartile": _finite(flow.lower),
                "median": _finite(flow.median),
                "upper quartile": _finite(flow.upper),
            }
            for flow in flows
        ],
    }


def power(log: float) -> str:
    """A number by its log10, as `3.2e-112`, however small or large it is."""
    if not math.isfinite(log):
        return "0"
    mantissa, exponent = f"{10 ** (log % 1):.1f}", math.floor(log)
    if mantissa == "10.0":
        mantissa, exponent = "1.0", exponent + 1
    return f"{mantissa}e{exponent:+03d}"


def _lost_after(flow: Flow) -> str:
    above = np.flatnonzero(flow.median >= math.log10(_LOST))
    return f"{above[-1] + 1} steps" if above[-1] + 1 < len(flow.median) else "-"


def _finite(logs: Any) -> list[float | None]:
    return [round(float(log), 4) if math.isfinite(log) else None for log in logs]
