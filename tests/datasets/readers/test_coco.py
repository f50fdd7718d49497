from __future__ import annotations

import json
from pathlib import Path

import pytest

from showtell.datasets import read_dataset
from showtell.errors import DatasetError


def write_coco(path: Path, images: dict[int, str], annotations: list[tuple[int, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "images": [{"id": number, "file_name": name} for number, name in images.items()],
        "annotations": [{"image_id": number, "caption": caption} for number, caption in annotations],
    }
    path.write_text(json.dumps(content))
    return path


def test_the_layout_of_coco_2017_is_read_whole(tmp_path, write_photos, found, problems) -> None:
    write_photos(tmp_path, "train2017/1.jpg", "train2017/2.jpg", "val2017/1.jpg", "train2017/9.jpg")
    annotations = tmp_path / "annotations"
    write_coco(
        annotations / "captions_train2017.json",
        {11: "1.jpg", 12: "2.jpg", 13: "3.jpg"},
        [(12, "a dog"), (11, "a cat"), (12, "a brown dog"), (13, "a ghost"), (99, "nobody")],
    )
    write_coco(annotations / "captions_val2017.json", {11: "1.jpg"}, [(11, "a hen")])
    dataset = read_dataset(tmp_path)
    assert [(e.photo.relative_to(tmp_path).as_posix(), e.split, e.captions) for e in dataset.examples] == [
        ("train2017/1.jpg", "train", ("a cat",)),
        ("train2017/2.jpg", "train", ("a dog", "a brown dog")),
        ("val2017/1.jpg", "val", ("a hen",)),
    ]
    assert problems(dataset) == [
        ("malformed entry", "captions_train2017.json:annotations[4]"),
        ("missing photo", "train2017/3.jpg"),
        ("no captions", "train2017/9.jpg"),
    ]


def test_one_file_with_the_photos_given(tmp_path, write_photos, found) -> None:
    write_photos(tmp_path / "disk/val2014", "a.jpg", "b.jpg")
    file = write_coco(tmp_path / "data/captions_val2014.json", {1: "a.jpg", 2: "b.jpg"}, [(1, "a cat"), (2, "x")])
    expected = {"a.jpg": ("val", ("a cat",)), "b.jpg": ("val", ("x",))}
    assert found(read_dataset(file, tmp_path / "disk")) == expected
    assert found(read_dataset(file, tmp_path / "disk/val2014")) == expected


def test_a_file_whose_name_says_no_split_is_divided_by_hash(tmp_path, write_photos, found, problems) -> None:
    names = {i: f"{i}.jpg" for i in range(12)}
    write_photos(tmp_path / "images", *names.values())
    file = write_coco(tmp_path / "mine.json", names | {77: "../../x.jpg"}, [(i, f"photo {i}") for i in names])
    dataset = read_dataset(file)
    assert {split for split, _ in found(dataset).values()} == {"train", "val"}
    assert found(dataset)["7.jpg"][1] == ("photo 7",)
    assert problems(dataset) == [("outside the folder", "mine.json:../../x.jpg")]


def test_captions_of_ambiguous_ids_are_left_out(tmp_path, write_photos, found, problems) -> None:
    write_photos(tmp_path / "images", "a.jpg", "b.jpg", "c.jpg")
    content = {
        "images": [{"id": i, "file_name": f"{name}.jpg"} for i, name in ((0, "a"), (0, "b"), (1, "c"), (1, "c"))],
        "annotations": [{"image_id": i, "caption": f"of {i}"} for i in (0, "1", "0", 2)],
    }
    (tmp_path / "captions_all.json").write_text(json.dumps(content))
    dataset = read_dataset(tmp_path)
    assert found(dataset) == {"c.jpg": ("train", ("of 1",))}
    assert problems(dataset)[:5] == [
        ("malformed entry", "captions_all.json:a.jpg"),
        ("malformed entry", "captions_all.json:b.jpg"),
        *(("malformed entry", f"captions_all.json:annotations[{place}]") for place in (0, 2, 3)),
    ]


def test_a_split_is_a_word_of_its_own_in_a_files_name(tmp_path, write_photos, found) -> None:
    write_photos(tmp_path / "images", "1.jpg", "2.jpg")
    for name, splits in (("captions_latest", {"train", "val"}), ("captions_test2017", {"test"})):
        file = write_coco(tmp_path / f"{name}.json", {1: "1.jpg", 2: "2.jpg"}, [(1, "a cat"), (2, "a dog")])
        assert {split for split, _ in found(read_dataset(tmp_path)).values()} == splits
        file.unlink()


def test_non_captions_are_left_out_and_named(tmp_path, write_photos, found, problems) -> None:
    write_photos(tmp_path / "images", "1.jpg")
    write_coco(tmp_path / "annotations/captions_val2014.json", {1: "1.jpg"}, [(1, "a cat")])
    results = tmp_path / "annotations/captions_val2014_fakecap_results.json"
    results.write_text('[{"image_id": 1, "caption": "a dog"}]')
    dataset = read_dataset(tmp_path)
    assert found(dataset) == {"1.jpg": ("val", ("a cat",))}
    assert problems(dataset) == [("malformed entry", results.name)]
    (tmp_path / "annotations/captions_val2014.json").unlink()
    with pytest.raises(DatasetError, match="none of the known formats"):
        read_dataset(tmp_path)
