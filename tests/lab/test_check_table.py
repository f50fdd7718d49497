from __future__ import annotations

import json
import math

from showtell.lab.check import Verdict
from showtell.lab.check_table import as_json, as_text
from showtell.lab.differences import Slope

RIGHT = Verdict("gru", 24, "gru-N3", Slope("Wh", 1.0, 1.0 + 1e-10, 1.0))
WRONG = Verdict("gru", 24, "gru-N1", Slope("x", 1.5, -0.5, 1.5))
NO_NUMBER = Verdict("gru", 24, "gru-N1", Slope("x", 1.5, math.nan, 1.5))


def test_a_line_says_what_passed() -> None:
    heads, line = as_text({"numpy": [RIGHT], "avx2": [RIGHT]})
    assert heads.split() == ["cases", "numpy", "avx2", "at", "most"]
    assert line.split() == ["gru", "24", "1.0e-10", "1.0e-10", "1e-08", "pass"]


def test_failed_case_is_printed_with_both_numbers() -> None:
    _, line, failure = as_text({"numpy": [RIGHT], "avx2": [WRONG]})
    assert line.split() == ["gru", "24", "1.0e-10", "1.3e+00", "1e-08", "FAIL"]
    assert failure == "FAIL gru, avx2: gru-N1: x: finite differences 1.5, backward -0.5, relative error 1.3e+00"


def test_json_has_the_numbers_behind() -> None:
    found = json.loads(json.dumps(as_json({"numpy": [RIGHT], "avx2": [WRONG]}), allow_nan=False))
    assert (found["passed"], found["tolerance"]) == (False, 1e-8)
    right, wrong = found["parts"]
    assert (right["backend"], right["passed"], wrong["backend"], wrong["passed"]) == ("numpy", True, "avx2", False)
    assert (wrong["finite differences"], wrong["backward"], wrong["argument"]) == (1.5, -0.5, "x")


def test_nan_is_null_in_json() -> None:
    found = as_json({"numpy": [NO_NUMBER]})
    json.dumps(found, allow_nan=False)
    assert found["parts"][0]["backward"] is None
    assert found["parts"][0]["error"] is None
    assert not found["passed"]
