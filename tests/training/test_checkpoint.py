from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from showtell._util.tensors import pack_tensors
from showtell.errors import ShowtellError
from showtell.training.checkpoint import Progress, check_tensors, load_checkpoint, save_checkpoint


def test_progress_and_arrays_come_back(tmp_path: Path) -> None:
    progress = Progress(
        epoch=2, batch=5, step=17, loss=1 / 3, words=4, best=0.1, history=[{"epoch": 1, "cider_d": 0.5}]
    )
    groups = {"params": {"w": np.arange(6.0).reshape(2, 3)}, "exp_avg": {"w": np.ones((2, 3), np.float32)}}
    save_checkpoint(tmp_path / "checkpoint", progress, groups)
    again, found = load_checkpoint(tmp_path / "checkpoint")
    assert again == progress
    for group, arrays in groups.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[group][name], array)
            assert found[group][name].dtype == array.dtype


def test_a_run_that_has_no_score_yet(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "checkpoint", Progress(), {"params": {"w": np.ones(1)}})
    assert load_checkpoint(tmp_path / "checkpoint")[0] == Progress()


@pytest.mark.parametrize("content", [b"", b"12345678", b"\x05\x00\x00\x00\x00\x00\x00\x00{}   "])
def test_another_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checkpoint").write_bytes(content)
    with pytest.raises(ShowtellError, match="is not a complete checkpoint"):
        load_checkpoint(tmp_path / "checkpoint")


def test_an_array_in_another_order_is_the_same_when_it_is_read(tmp_path: Path) -> None:
    turned = np.arange(6.0).reshape(2, 3).T
    save_checkpoint(tmp_path / "c", Progress(), {"params": {"w": turned}})
    np.testing.assert_array_equal(load_checkpoint(tmp_path / "c")[1]["params"]["w"], turned)


def test_any_other_byte_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    save_checkpoint(path, Progress(epoch=2), {"params": {"w": np.ones((2, 3))}})
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(
            ShowtellError, match=r"checkpoint is not a complete checkpoint: .*; remove it to start again"
        ):
            load_checkpoint(path)


@pytest.mark.parametrize("fields", [{"epoch": "2"}, {"step": -1}, {"history": [{"epoch": None}]}, [], None])
def test_progress_that_is_none_is_an_error(tmp_path: Path, fields: object) -> None:
    (tmp_path / "checkpoint").write_bytes(pack_tensors("checkpoint", fields, {"params/w": np.ones(1)}))
    with pytest.raises(ShowtellError, match=r"is not a complete checkpoint: Expected .*; remove it"):
        load_checkpoint(tmp_path / "checkpoint")


def test_numbers_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "checkpoint", Progress(), {"ema": {"w": np.array([1, np.nan])}})
    with pytest.raises(ShowtellError, match=r"ema/w holds numbers that are not finite; remove it"):
        load_checkpoint(tmp_path / "checkpoint")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_what_is_no_file_is_an_error_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "checkpoint")
    with pytest.raises(ShowtellError, match="is not a regular file"):
        load_checkpoint(tmp_path / "checkpoint")


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"ema": {}},
        {"ema": {"w": np.ones(3, np.float32)}},
        {"ema": {"w": np.ones(2)}},
        {"ema": {"w": np.ones(2, np.float32), "v": np.ones(2, np.float32)}},
    ],
)
def test_other_tensors_than_the_run_s_are_an_error(found: dict[str, dict[str, np.ndarray]]) -> None:
    expected = {"ema": {"w": (2,)}}
    check_tensors("c", {"ema": {"w": np.ones(2, np.float32)}, "more": {}}, expected)
    with pytest.raises(ShowtellError, match=r"^c is not a complete checkpoint: ema/\w is missing, or not as this run"):
        check_tensors("c", found, expected)
