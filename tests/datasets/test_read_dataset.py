from __future__ import annotations

import json
import os

import pytest

from showtell.datasets import read_dataset
from showtell.errors import DatasetError

CAPTIONS = {"a.jpg": "a cat", "b.jpg": "a dog"}
TABLE = "file,caption\na.jpg,a cat\nb.jpg,a dog\n"
KARPATHY = [{"filename": file, "sentences": [{"raw": caption}]} for file, caption in CAPTIONS.items()]
IMAGES = [{"id": file[0], "file_name": file} for file in CAPTIONS]
ANNOTATIONS = [{"image_id": file[0], "caption": caption} for file, caption in CAPTIONS.items()]
FORMATS = [
    {"Flickr8k.token.txt": "a.jpg#0\ta cat\nb.jpg#0\ta dog\n", "other.csv": TABLE},
    {"dataset.json": json.dumps({"images": KARPATHY})},
    {"captions_all.json": json.dumps({"images": IMAGES, "annotations": ANNOTATIONS})},
    {"captions.csv": TABLE, "results.csv": "x,y\n1,2\n"},
    {"captions.txt": TABLE},
    {"metadata.jsonl": "\n".join(json.dumps({"file_name": f, "text": c}) for f, c in CAPTIONS.items())},
    {"mine.tsv": TABLE.replace(",", "\t")},
    {"images/a.txt": "a cat", "images/b.txt": "a dog"},
]


@pytest.fixture
def folder(tmp_path, write_photos):
    write_photos(tmp_path / "images", "a.jpg", "b.jpg")
    return tmp_path


@pytest.mark.parametrize("files", FORMATS, ids=lambda files: next(iter(files)))
def test_the_format_is_told_from_what_is_there(folder, found, files) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    dataset = read_dataset(folder)
    assert sorted(captions for _, captions in found(dataset).values()) == [("a cat",), ("a dog",)]
    assert dataset.problems == ()
    assert dataset.name == folder.name
    if "images/a.txt" not in files:
        assert read_dataset(str(folder / next(iter(files)))) == dataset


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("files", FORMATS, ids=lambda files: next(iter(files)))
def test_a_pipe_is_not_waited_for(folder, files) -> None:
    name, *_ = files
    os.mkfifo(folder / name)
    for path in (folder, folder / name):
        with pytest.raises(DatasetError):
            read_dataset(path)


@pytest.mark.parametrize("files", FORMATS, ids=lambda files: next(iter(files)))
def test_a_relative_path_is_as_good_as_an_absolute_one(folder, monkeypatch, files) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    expected = read_dataset(folder)
    monkeypatch.chdir(folder.parent)
    assert read_dataset(folder.name) == expected
    if "images/a.txt" not in files:
        assert read_dataset(folder.name, photos=f"{folder.name}/images") == expected
    monkeypatch.chdir(folder / "images")
    assert read_dataset("..") == expected


def test_the_photos_may_be_anywhere_if_they_are_given(tmp_path, write_photos, found) -> None:
    write_photos(tmp_path / "disk", "a.jpg", "b.jpg")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/captions.csv").write_text(TABLE)
    assert set(found(read_dataset(tmp_path / "data", photos=str(tmp_path / "disk")))) == {"a.jpg", "b.jpg"}
    with pytest.raises(DatasetError, match="name their folder"):
        read_dataset(tmp_path / "data")
    with pytest.raises(DatasetError, match="no such folder"):
        read_dataset(tmp_path / "data", photos=tmp_path / "gone")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"none of the known formats: Flickr8k .* a \.txt beside each"),
        ({"one.csv": TABLE, "two.tsv": TABLE}, r"it holds one\.csv, two\.tsv; name the one to read"),
        ({"dataset.json": "{"}, r"dataset\.json: not JSON .*complete"),
        ({"dataset.json": "[" * 100_000}, r"dataset\.json: not JSON"),
        ({"dataset.json": '{"images": 7}'}, r"dataset\.json: none of the known formats"),
    ],
)
def test_unreadable_file_is_an_error_with_its_reason(folder, files, message) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_dataset(folder)


def test_missing_path_is_an_error(tmp_path) -> None:
    with pytest.raises(DatasetError, match=r"gone: no such file or folder"):
        read_dataset(tmp_path / "gone")
    (tmp_path / "notes.md").write_text("# Notes")
    with pytest.raises(DatasetError, match=r"notes\.md: none of the known formats"):
        read_dataset(tmp_path / "notes.md")
