from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save

from showtell._util.tensors import ForeignFileError, HeaderError, TensorFileError, pack_tensors, unpack_tensors

WEIGHTS = {"w": np.arange(6.0, dtype=np.float32).reshape(2, 3), "b": np.zeros(3, np.float16)}
FILE = pack_tensors("captioner", {"a": 1}, WEIGHTS)


def with_header(text: str) -> bytes:
    return save(WEIGHTS, {"showtell": text})


def sealed_as(seal: str, fields: object, tensors: dict[str, np.ndarray]) -> bytes:
    return save(tensors, {"showtell": json.dumps({"sha256": seal, "captioner": fields})})


def test_what_was_packed_is_unpacked() -> None:
    fields, tensors, intact = unpack_tensors(FILE, "captioner")
    assert intact
    assert fields == {"a": 1}
    assert tensors.keys() == WEIGHTS.keys()
    for name, array in WEIGHTS.items():
        np.testing.assert_array_equal(tensors[name], array)
        assert tensors[name].dtype == array.dtype


def test_the_order_of_the_tensors_does_not_count() -> None:
    assert pack_tensors("captioner", {"a": 1}, dict(reversed(WEIGHTS.items()))) == FILE


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
def test_another_content_under_the_same_checksum_is_not_intact(fields, tensors) -> None:
    length = int.from_bytes(FILE[:8], "little")
    seal = json.loads(json.loads(FILE[8 : 8 + length])["__metadata__"]["showtell"])["sha256"]
    assert unpack_tensors(sealed_as(seal, {"a": 1}, WEIGHTS), "captioner").intact
    assert not unpack_tensors(sealed_as(seal, fields, tensors), "captioner").intact


@pytest.mark.parametrize("data", [b"", FILE[:20], FILE[:-1], b"\xff" * 40])
def test_a_truncated_file_is_an_error(data: bytes) -> None:
    with pytest.raises(TensorFileError):
        unpack_tensors(data, "captioner")


def test_a_file_of_another_kind_is_told_from_a_damaged_one() -> None:
    with pytest.raises(ForeignFileError, match="it is no checkpoint"):
        unpack_tensors(FILE, "checkpoint")
    with pytest.raises(ForeignFileError, match="no entry 'showtell'"):
        unpack_tensors(save(WEIGHTS), "captioner")
    for text in ("", "3", "[]", "{}", '{"captioner": {}}', '{"sha256"', "[" * 100_000):
        with pytest.raises(HeaderError):
            unpack_tensors(with_header(text), "captioner")
