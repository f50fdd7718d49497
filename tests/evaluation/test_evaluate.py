from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import showtell
from showtell.captioning.captioner import Captioner
from showtell.datasets import read_dataset
from showtell.errors import DatasetError
from showtell.metrics import score


def test_the_photos_of_the_split_are_captioned_and_scored(captioner: Captioner, drawn: Path, stored: Path) -> None:
    evaluation = showtell.evaluate(captioner, drawn, features=stored)
    examples = read_dataset(drawn).split("val")
    assert evaluation.examples == examples
    expected = captioner.caption([example.photo for example in examples])
    assert [caption.text for caption in evaluation.captions] == [caption.text for caption in expected]
    assert evaluation.scores.cider_d == score([c.text for c in expected], [e.captions for e in examples]).cider_d
    assert [record.references for record in evaluation.records] == [example.captions for example in examples]
    assert evaluation.unreadable == ()


def test_a_photo_that_cannot_be_read_is_left_out(captioner: Captioner, drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn, tmp_path / "drawn")
    dataset = read_dataset(tmp_path / "drawn")
    first, *others = dataset.split("train")
    first.photo.write_bytes(b"no photo")
    evaluation = showtell.evaluate(captioner, dataset, "train", features=tmp_path / "features")
    assert [problem.name for problem in evaluation.unreadable] == [str(first.photo)]
    assert evaluation.examples == tuple(others)


def test_a_split_without_photos_is_an_error(captioner: Captioner, drawn: Path, stored: Path) -> None:
    with pytest.raises(DatasetError, match="no photos with captions in its split 'nights', only in"):
        showtell.evaluate(captioner, drawn, "nights", features=stored)
