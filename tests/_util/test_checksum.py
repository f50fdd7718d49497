from __future__ import annotations

import numpy as np
import pytest

from showtell._util.checksum import checksum

WEIGHTS = {"w": np.arange(6.0, dtype=np.float32).reshape(2, 3), "b": np.zeros(3, np.float16)}


def test_the_order_of_the_tensors_does_not_count() -> None:
    assert checksum({"a": 1}, WEIGHTS) == checksum({"a": 1}, dict(reversed(WEIGHTS.items())))


@pytest.mark.parametrize(
    ("fields", "tensors"),
    [
        ({"a": 2}, WEIGHTS),
        ({"a": 1}, WEIGHTS | {"w": WEIGHTS["w"].reshape(3, 2)}),
        ({"a": 1}, WEIGHTS | {"w": WEIGHTS["w"] + 1}),
        ({"a": 1}, {"w": WEIGHTS["w"]}),
        ({"a": 1}, {"v": WEIGHTS["w"], "b": WEIGHTS["b"]}),
    ],
)
def test_another_content_has_another(fields, tensors) -> None:
    assert checksum(fields, tensors) != checksum({"a": 1}, WEIGHTS)
