"""The table of a gradient check: a line for each part, a column for each backend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from showtell.lab.check import Verdict
from showtell.lab.differences import TOLERANCE


def as_text(found: Mapping[str, Sequence[Verdict]]) -> list[str]:
    """The largest relative errors; below the table, what failed, with both numbers."""
    rows = list(zip(*found.values(), strict=True))
    width = max(len(row[0].part) for row in rows)
    heads = "".join(f"  {name:>11}" for name in found)
    lines = [f"{'':{width}}  cases{heads}  at most"]
    for row in rows:
        errors = "".join(f"  {verdict.worst.error:11.1e}" for verdict in row)
        said = "pass" if all(verdict.passed for verdict in row) else "FAIL"
        lines.append(f"{row[0].part:{width}}  {row[0].cases:5}{errors}  {TOLERANCE:7.0e}  {said}")
    return lines + [
        f"FAIL {verdict.part}, {name}: {verdict.case}: {verdict.worst}"
        for name, verdicts in found.items()
        for verdict in verdicts
        if not verdict.passed
    ]


def as_json(found: Mapping[str, Sequence[Verdict]]) -> dict[str, Any]:
    """The same, with the slope behind each figure; null for what is not a number."""
    return {
        "tolerance": TOLERANCE,
        "passed": all(verdict.passed for verdicts in found.values() for verdict in verdicts),
        "parts": [
            {
                "part": verdict.part,
                "backend": name,
                "cases": verdict.cases,
                "error": _number(verdict.worst.error),
                "passed": verdict.passed,
                "worst case": verdict.case,
                "argument": verdict.worst.argument,
                "finite differences": _number(verdict.worst.numeric),
                "backward": _number(verdict.worst.exact),
            }
            for name, verdicts in found.items()
            for verdict in verdicts
        ],
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
