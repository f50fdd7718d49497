from __future__ import annotations

import json
import math

import numpy as np
import pytest

from showtell.lab.flow import Flow, Network
from showtell.lab.flow_table import as_json, as_text, power


def flow(*median: float) -> Flow:
    logs = np.array(median)
    return Flow(Network("net", "gru", "xavier"), logs - 0.5, logs, logs + 0.5)


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (0.0, "1.0e+00"),
        (math.log10(0.35), "3.5e-01"),
        (-112.5, "3.2e-113"),
        (-400.0, "1.0e-400"),
        (36.3, "2.0e+36"),
        (-1e-9, "1.0e+00"),
        (-math.inf, "0"),
    ],
)
def test_a_number_by_its_logarithm(log: float, said: str) -> None:
    assert power(log) == said


def test_a_line_for_each_network() -> None:
    heads, lost, kept = as_text([flow(0, -1, -2, -3, -4), flow(0, -1, -4, -2, -1)])
    assert heads.split() == ["steps", "back", "in", "time", "1", "2", "4", "below", "0.001", "after"]
    assert lost.split() == ["net", "1.0e-01", "1.0e-02", "1.0e-04", "4", "steps"]
    assert kept.split()[-1] == "-"


def test_json_holds_every_distance() -> None:
    found = json.loads(json.dumps(as_json([flow(0, -1, -math.inf)]), allow_nan=False))
    [network] = found["networks"]
    assert network["name"] == "net"
    assert network["median"] == [0, -1, None]
    assert network["lower quartile"] == [-0.5, -1.5, None]
    assert network["upper quartile"] == [0.5, -0.5, None]
