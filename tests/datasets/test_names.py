from __future__ import annotations

import os
import sys
import unicodedata

import pytest

from showtell.datasets import read_dataset
from showtell.datasets.names import FileNames, canonical, is_file

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Crème brûlée.jpg") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("written", "there"),
    [
        (r"sub\a.jpg", "sub/a.jpg"),
        (r".\Sub\A.JPG ", "sub/a.jpg"),
        ("  a.jpg\t", "a.jpg"),
        ("a.jpg", " a.jpg"),
        (COMPOSED, DECOMPOSED),
        (DECOMPOSED, COMPOSED),
        ("Straße/İ.jpg", "STRASSE/i\u0307.jpg"),
        ("dog.jpg", "DOG.JPG"),
    ],
)
def test_a_name_means_the_file_that_differs_in_spelling_alone(tmp_path, write_photos, written, there) -> None:
    [photo] = write_photos(tmp_path, there)
    assert FileNames().find(tmp_path, written) == photo


def test_a_file_of_just_that_name_is_meant_and_of_two_others_none(tmp_path, write_photos) -> None:
    if sys.platform != "linux":
        pytest.skip("the file system does not tell capitals apart")
    photos = write_photos(tmp_path, "A.jpg", "a.jpg", "b\\c.jpg", "b/c.jpg")
    names = FileNames()
    assert [names.find(tmp_path, photo.relative_to(tmp_path).as_posix()) for photo in photos] == photos
    assert names.find(tmp_path, "a.JPG") == tmp_path / "a.JPG"
    assert not is_file(tmp_path / "a.JPG")


def test_missing_file_keeps_its_written_name(tmp_path) -> None:
    for name in ("gone.jpg", r"..\gone.jpg", "x" * 300, "nul\0.jpg", "half \ud83d.jpg", ""):
        assert FileNames().find(tmp_path, name).is_relative_to(tmp_path.parent)
        assert not is_file(FileNames().find(tmp_path, name)) or name == ""
    assert canonical(COMPOSED) == canonical(DECOMPOSED.upper())


def test_inexact_names_are_found_in_every_format(tmp_path, write_photos, problems) -> None:
    write_photos(tmp_path / "images", DECOMPOSED, "b/C.jpg")
    (tmp_path / "captions.csv").write_text(f"file, caption\n{COMPOSED}, a cat\nB\\c.JPG, a dog\n", encoding="utf-8")
    (tmp_path / "objects.json").write_text(f'{{"{COMPOSED}": ["cat"], "b\\\\c.jpg": ["dog"]}}', encoding="utf-8")
    dataset = read_dataset(tmp_path)
    assert [(example.captions, example.objects) for example in dataset.examples] == [
        (("a cat",), ("cat",)),
        (("a dog",), ("dog",)),
    ]
    assert problems(dataset) == []


def test_a_name_that_is_not_utf8_is_a_name(tmp_path, write_photos) -> None:
    if sys.platform != "linux":
        pytest.skip("names are text there")
    name = os.fsdecode(b"caf\xe9")
    for photo in write_photos(tmp_path, f"{name}.png", "b.png", "c.png"):
        photo.with_suffix(".txt").write_text("a cat")
    dataset = read_dataset(tmp_path)
    assert f"{name}.png" in [example.photo.name for example in dataset.examples]
