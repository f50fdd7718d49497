from __future__ import annotations

import json
from pathlib import Path

from showtell.datasets import read_dataset


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
