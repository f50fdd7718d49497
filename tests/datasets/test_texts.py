from __future__ import annotations

import gzip

import pytest

from showtell.datasets import TextOnly, read_dataset
from showtell.datasets.texts import read_texts
from showtell.errors import DatasetError

CAPTIONS = "7\tA cat  on a\ttable.\n8\ta dog\n\n7\ta cat and a mouse\n9\t \nx\n10\ta cow\r\n"
OBJECTS = "8\t\n7\tcat, mouse\n7\tdog\n11\then\n\t12\n"


def write(folder, captions: str | None, objects: str | None) -> None:
    for name, text in (("captions", captions), ("objects", objects)):
        if text is not None:
            (folder / f"{name}_text.tsv.gz").write_bytes(gzip.compress(text.encode()))


def test_captions_of_one_photo_are_one_text_with_its_objects(tmp_path) -> None:
    write(tmp_path, CAPTIONS.replace("a\ttable", "a table"), OBJECTS)
    texts, problems = read_texts(tmp_path, {})
    assert texts == (
        TextOnly(("A cat on a table.", "a cat and a mouse"), ("cat", "mouse")),
        TextOnly(("a dog",), ()),
    )
    assert [(problem.kind, problem.name) for problem in problems] == [
        ("empty caption", "captions_text.tsv.gz:5"),
        ("malformed entry", "captions_text.tsv.gz:6"),
        ("malformed entry", "objects_text.tsv.gz:3"),
        ("malformed entry", "objects_text.tsv.gz:5"),
        ("no objects", "captions_text.tsv.gz:10"),
        ("no captions", "objects_text.tsv.gz:11"),
    ]


def test_a_second_tab_is_no_caption(tmp_path) -> None:
    write(tmp_path, CAPTIONS, OBJECTS)
    texts, problems = read_texts(tmp_path, {})
    assert texts[0].captions == ("a dog",)
    assert problems[0].detail == "'7\\tA cat  on a\\ttable.' is not an ID, a tab and a text"


def test_captions_without_objects_are_an_error_and_none_of_both_is_nothing(tmp_path) -> None:
    assert read_texts(tmp_path, {}) == ((), [])
    write(tmp_path, CAPTIONS, None)
    with pytest.raises(DatasetError, match=r"objects of its photos are missing; put objects_text\.tsv\.gz beside it"):
        read_texts(tmp_path, {})


def test_they_are_read_with_the_data_set_but_for_those_of_held_out_photos(tmp_path, write_photos, problems) -> None:
    write_photos(tmp_path / "images", "7.jpg", "8.jpg")
    (tmp_path / "captions.csv").write_text("file,caption,split\n7.jpg,a cat,val\n8.jpg,a dog,train\n")
    write(tmp_path, "7\ta cat\n8\ta dog\n9\ta cow\n", "7\tcat\n8\tdog\n9\tcow\n")
    dataset = read_dataset(tmp_path)
    assert dataset.texts == (TextOnly(("a dog",), ("dog",)), TextOnly(("a cow",), ("cow",)))
    assert problems(dataset) == [("held-out photo", "captions_text.tsv.gz:7")]
