from __future__ import annotations

import json

import pytest

from showtell.datasets import Example, read_dataset
from showtell.datasets.objects import match_objects, read_instances
from showtell.errors import DatasetError

TABLE = "file,caption,split\na.jpg,a cat,train\nb.jpg,a dog,val\n"
CATEGORIES = [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}, {"id": 74, "name": "mouse"}]


@pytest.fixture
def table(tmp_path, write_photos):
    write_photos(tmp_path / "images", "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    (tmp_path / "captions.csv").write_text(TABLE)
    return tmp_path


def test_the_objects_beside_the_captions_are_the_photos_own(table, problems) -> None:
    (table / "objects.json").write_text(json.dumps({"b.jpg": ["dog", " person", "dog"], "images/c.jpg": []}))
    dataset = read_dataset(table)
    a, b, c = (table / "images" / name for name in ("a.jpg", "b.jpg", "c.jpg"))
    assert dataset.examples == (Example(a, ("a cat",), "train"), Example(b, ("a dog",), "val", ("dog", "person")))
    assert dataset.uncaptioned == (Example(c, (), "train", ()),)
    assert problems(dataset) == [("no captions", "d.jpg")]


@pytest.mark.parametrize("text", ["[]", '{"a.jpg": ', "7"])
def test_an_objects_file_that_is_no_object_is_an_error(table, text) -> None:
    (table / "objects.json").write_text(text)
    with pytest.raises(DatasetError, match=r"objects\.json: (expected an object|not JSON)"):
        read_dataset(table)


def test_objects_of_no_photo_and_those_that_are_no_names_are_left_out_and_named(table, problems) -> None:
    wrong = {"gone.jpg": ["cat"], "a.jpg": "cat", "b.jpg": ["dog", 7], "c.jpg": [" "]}
    (table / "objects.json").write_text(json.dumps(wrong))
    dataset = read_dataset(table)
    assert [example.objects for example in dataset.examples] == [None, None]
    assert dataset.uncaptioned == ()
    assert problems(dataset)[:4] == [
        ("malformed entry", "objects.json:a.jpg"),
        ("malformed entry", "objects.json:b.jpg"),
        ("malformed entry", "objects.json:c.jpg"),
        ("missing photo", "objects.json:gone.jpg"),
    ]


def test_a_name_means_the_photo_whose_path_ends_with_it_and_only_one() -> None:
    objects = {"1.jpg": ("cat",), "val/2.jpg": ("dog",), "2.jpg": ("cow",), "3.jpg": ("hen",)}
    found, problems = match_objects(
        objects, ["train/1.jpg", "train/2.jpg", "val/2.jpg", "train/3.jpg", "val/3.jpg", "11.jpg"]
    )
    assert found == {"train/1.jpg": ("cat",), "train/2.jpg": ("cow",), "val/2.jpg": ("dog",)}
    assert [(problem.name, problem.detail) for problem in problems] == [
        ("objects.json:3.jpg", "3.jpg is train/3.jpg, val/3.jpg; write their folders too")
    ]


def test_a_photo_without_captions_is_for_training_unless_its_folder_is_held_out(tmp_path, write_photos) -> None:
    write_photos(tmp_path, "train/1.jpg", "val/2.jpg", "train/3.jpg", "val/4.jpg")
    (tmp_path / "train/1.txt").write_text("a cat")
    (tmp_path / "val/2.txt").write_text("a dog")
    (tmp_path / "objects.json").write_text(json.dumps({f"{number}.jpg": ["cat"] for number in range(1, 5)}))
    dataset = read_dataset(tmp_path)
    assert [(example.photo.name, example.split) for example in dataset.uncaptioned] == [
        ("3.jpg", "train"),
        ("4.jpg", "val"),
    ]


def test_cocos_instances_are_read_beside_its_captions(tmp_path, write_photos, problems) -> None:
    write_photos(tmp_path, *(f"{part}2017/{name}.jpg" for part in ("train", "val") for name in (1, 2)))
    for part, instances in {
        "train": [(1, 17), (1, 18), (1, 17), (2, 74), (9, 17), (2, 99)],
        "val": [(2, 18)],
    }.items():
        images = [{"id": number, "file_name": f"{number}.jpg"} for number in (1, 2)]
        captions = {"images": images[:1], "annotations": [{"image_id": 1, "caption": "a pet"}]}
        shown = [{"image_id": i, "category_id": c, "segmentation": [[1, 2, 3]]} for i, c in instances]
        folder = tmp_path / "annotations"
        folder.mkdir(exist_ok=True)
        (folder / f"captions_{part}2017.json").write_text(json.dumps(captions))
        (folder / f"instances_{part}2017.json").write_text(
            json.dumps({"images": images, "annotations": shown, "categories": CATEGORIES})
        )
    dataset = read_dataset(tmp_path)
    assert [(example.split, example.objects) for example in dataset.examples] == [
        ("train", ("cat", "dog")),
        ("val", ()),
    ]
    assert [(example.photo.parent.name, example.split, example.objects) for example in dataset.uncaptioned] == [
        ("train2017", "train", ("mouse",)),
        ("val2017", "val", ("dog",)),
    ]
    assert problems(dataset) == [
        ("malformed entry", "instances_train2017.json:annotations[4]"),
        ("malformed entry", "instances_train2017.json:annotations[5]"),
    ]
    (tmp_path / "annotations/objects.json").write_text(json.dumps({"train2017/1.jpg": ["horse"]}))
    assert [example.objects for example in read_dataset(tmp_path).examples] == [("horse",), ()]


def test_malformed_instances_are_named(tmp_path) -> None:
    file = tmp_path / "instances_val.json"
    file.write_text('{"images": [], "annotations": []}')
    with pytest.raises(DatasetError, match=r"instances_val\.json: expected COCO's instances"):
        read_instances(file)
    file.write_text('{"images": [7, {"id": 1, "file_name": "a"}], "annotations": [], "categories": [{"id": 1}]}')
    found, problems = read_instances(file)
    assert found == {"a": ()}
    assert [problem.name for problem in problems] == [
        "instances_val.json:categories[0]",
        "instances_val.json:images[0]",
    ]
