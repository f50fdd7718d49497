from __future__ import annotations

import json

import pytest

from showtell.datasets import read_dataset
from showtell.errors import DatasetError


def image(filename: str, split: str, *captions: str, **more: object) -> dict[str, object]:
    return {"filename": filename, "split": split, "sentences": [{"raw": c} for c in captions], **more}


def test_filepath_is_honoured_and_restval_is_train(tmp_path, write_photos, found, problems) -> None:
    write_photos(tmp_path / "images", "val2014/a.jpg", "val2014/b.jpg", "train2014/a.jpg", "t.jpg")
    images = [
        image("a.jpg", "restval", "A cat .", "A cat.", filepath="val2014"),
        image("b.jpg", "val", "A dog .", filepath="val2014"),
        image("a.jpg", "train", "A cow .", filepath="train2014"),
        image("t.jpg", "test", "A hen ."),
        image("gone.jpg", "train", "A ghost ."),
        image("../../t.jpg", "train", "A thief ."),
        {"filename": "b.jpg"},
        "not an object",
        image("t.jpg", "test") | {"sentences": [{"tokens": ["a"]}, {"raw": None}]},
    ]
    (tmp_path / "dataset.json").write_text(json.dumps({"dataset": "x", "images": images}))
    dataset = read_dataset(tmp_path)
    assert [(e.photo.relative_to(tmp_path / "images").as_posix(), e.split, e.captions) for e in dataset.examples] == [
        ("val2014/a.jpg", "train", ("A cat .", "A cat.")),
        ("val2014/b.jpg", "val", ("A dog .",)),
        ("train2014/a.jpg", "train", ("A cow .",)),
        ("t.jpg", "test", ("A hen .",)),
    ]
    assert problems(dataset) == [
        ("outside the folder", "dataset.json:images[5]"),
        ("malformed entry", "dataset.json:images[6]"),
        ("malformed entry", "dataset.json:images[7]"),
        ("malformed entry", "dataset.json:images[8]"),
        ("malformed entry", "dataset.json:images[8]"),
        ("missing photo", "gone.jpg"),
    ]


def test_images_without_a_single_name_are_an_error(tmp_path) -> None:
    (tmp_path / "dataset.json").write_text('{"images": [{"file": "a.jpg"}]}')
    with pytest.raises(DatasetError, match="names no photo"):
        read_dataset(tmp_path)
