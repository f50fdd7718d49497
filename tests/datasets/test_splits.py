from __future__ import annotations

import pytest

from showtell.datasets import read_dataset
from showtell.datasets.splits import canonical_split, split_in_file_name, split_of_folder
from showtell.errors import DatasetError


def test_what_names_say() -> None:
    assert [canonical_split(name) for name in (" Dev", "restval", "TEST", "Fold 1")] == [
        "val",
        "train",
        "test",
        "fold 1",
    ]
    assert split_in_file_name("train2017") == "train"
    assert split_in_file_name("captions_minival2014") == "val"
    assert split_in_file_name("test-dev2017") == "test"
    assert [split_in_file_name(name) for name in ("latest", "contrast", "interval", "trainees", "")] == [None] * 5
    assert [split_of_folder(name) for name in ("Train", "val2014", "Test_1")] == ["train", "val", "test"]
    assert [split_of_folder(name) for name in ("test drive", "trains", "2017", "")] == [None] * 4


@pytest.mark.parametrize("names", ["train val test", "Train VALIDATION Test", "train2017 val2017 test2017"])
@pytest.mark.parametrize("table", [False, True])
def test_folders_called_like_splits_are_splits_in_every_format(tmp_path, write_photos, names, table) -> None:
    folders = names.split()
    photos = write_photos(tmp_path, *(f"{folder}/{number}.jpg" for folder in folders for number in range(3)))
    for photo in photos:
        if not table:
            photo.with_suffix(".txt").write_text("a cat")
    if table:
        lines = [f'{{"file_name": "{p.relative_to(tmp_path).as_posix()}", "text": "a cat"}}' for p in photos]
        (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    dataset = read_dataset(tmp_path)
    assert [{e.photo.parent.name for e in dataset.split(s)} for s in ("train", "val", "test")] == [{f} for f in folders]
    assert dataset.split("dev") == dataset.split("val")
    assert dataset.problems == ()


def test_stated_split_overrides_the_folder(tmp_path, write_photos, found) -> None:
    write_photos(tmp_path, "train/1.jpg", "train/2.jpg")
    (tmp_path / "captions.csv").write_text("file,caption,split\ntrain/1.jpg,a cat,val\ntrain/2.jpg,a dog,\n")
    assert found(read_dataset(tmp_path)) == {"1.jpg": ("val", ("a cat",)), "2.jpg": ("train", ("a dog",))}


def test_a_split_may_be_a_number_and_anything_else_is_never_replaced(tmp_path, write_photos, found, problems) -> None:
    write_photos(tmp_path, *(f"{number}.jpg" for number in range(8)))
    values = ["0", "1", '" Val "', "null", "true", "[]", "1.5", '""']
    lines = [f'{{"file": "{i}.jpg", "caption": "a cat", "split": {value}}}' for i, value in enumerate(values)]
    (tmp_path / "captions.jsonl").write_text("\n".join(lines))
    dataset = read_dataset(tmp_path)
    assert {name: split for name, (split, _) in found(dataset).items()} == {"0.jpg": "0", "1.jpg": "1", "2.jpg": "val"}
    assert [name for kind, name in problems(dataset) if kind == "malformed entry"] == [
        f"captions.jsonl:{line}" for line in (5, 6, 7)
    ]
    (tmp_path / "captions.jsonl").write_text('{"file": "0.jpg", "caption": "a cat", "split": [1]}')
    with pytest.raises(DatasetError, match="no photo has a caption; malformed entry: 1"):
        read_dataset(tmp_path)
