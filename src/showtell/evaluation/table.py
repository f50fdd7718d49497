"""Tables of scores, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from showtell.metrics import Diversity, Scores, bootstrap, interval


class Row(NamedTuple):
    """A figure by its name, and its 95 % interval where it has one."""

    name: str
    value: float
    interval: tuple[float, float] | None = None


def table(scores: Scores, variety: Diversity, others: Mapping[str, float]) -> list[Row]:
    """All figures of one set of captions: how many photos, scores, other scores, variety."""
    [samples] = bootstrap(scores)
    return [
        Row("photos", len(scores.cider_d_per_photo)),
        *(Row(name, value, interval(samples[name])) for name, value in scores.named().items()),
        *(Row(name, value) for name, value in others.items()),
        *(Row(name, value) for name, value in variety.named().items()),
    ]


class Difference(NamedTuple):
    """A score of two sets of captions for the same photos.

    `interval` is the 95 % interval of `after - before` by a paired bootstrap; `p` is twice the share of its samples on
    the less frequent side of 0, two-sided and never 0: small if the choice of photos hardly makes the difference.
    """

    name: str
    before: float
    after: float
    interval: tuple[float, float]
    p: float


def differences(before: Scores, after: Scores) -> list[Difference]:
    """Compare two sets of captions for the same photos, in the same order, score by score.

    Raises:
        ShowtellError: they have different numbers of photos.
    """
    samples_before, samples_after = bootstrap(before, after)
    found = []
    for name, value in before.named().items():
        samples = samples_after[name] - samples_before[name]
        fewer = min(np.count_nonzero(samples <= 0), np.count_nonzero(samples >= 0))
        p = min(1.0, 2 * (1 + fewer) / (1 + len(samples)))
        found.append(Difference(name, value, after.named()[name], interval(samples), p))
    return found


def as_json(rows: Sequence[Row]) -> dict[str, object]:
    """The figures by name, and under `intervals` those that have one."""
    values: dict[str, object] = {row.name: row.value for row in rows}
    return values | {"intervals": {row.name: list(row.interval) for row in rows if row.interval}}


def as_text(rows: Sequence[Row]) -> list[str]:
    """A line for each figure."""
    width = max(len(row.name) for row in rows)
    return [f"{row.name:{width}}  {figure(row.value):>8}  {between(row.interval)}".rstrip() for row in rows]


def figure(value: float) -> str:
    """A count as a whole number, anything else with four places."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def between(limits: tuple[float, float] | None) -> str:
    """An interval as `0.1000 to 0.2000`."""
    return f"{limits[0]:.4f} to {limits[1]:.4f}" if limits else ""
