from __future__ import annotations

import pytest

from showtell.datasets.readers.folder import is_folder_of_pairs, read_folder
from showtell.errors import DatasetError


def test_a_line_is_a_caption_and_photos_and_texts_without_the_other_are_named(
    tmp_path, write_photos, found, problems
) -> None:
    write_photos(tmp_path, "a.jpg", "b.b.PNG", "bare.jpg", "more/c.jpg")
    (tmp_path / "a.txt").write_text("\ufeffA cat .\r\n\r\nTom\r\n", encoding="utf-8")
    (tmp_path / "b.b.txt").write_text("A dog")
    (tmp_path / "more/c.txt").write_text("A cow\n")
    (tmp_path / "README.txt").write_text("Hello\n")
    dataset = read_folder(tmp_path)
    assert {name: captions for name, (_, captions) in found(dataset).items()} == {
        "a.jpg": ("A cat .", "Tom"),
        "b.b.PNG": ("A dog",),
        "c.jpg": ("A cow",),
    }
    assert {split for split, _ in found(dataset).values()} == {"train", "val"}
    assert problems(dataset) == [("missing photo", "README.txt"), ("no captions", "bare.jpg")]


def test_folders_may_be_splits(tmp_path, write_photos, found) -> None:
    for photo in write_photos(tmp_path, "train/a.jpg", "validation/x/b.jpg", "test/c.jpg"):
        photo.with_suffix(".txt").write_text("a cat")
    splits = {name: split for name, (split, _) in found(read_folder(tmp_path)).items()}
    assert splits == {"a.jpg": "train", "b.jpg": "val", "c.jpg": "test"}


def test_texts_and_photos_may_lie_apart(tmp_path, write_photos, found) -> None:
    write_photos(tmp_path / "photos", "a.jpg", "b.jpg")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").write_text("a cat")
    (tmp_path / "texts/b.txt").write_text("a dog")
    assert is_folder_of_pairs(tmp_path / "texts", tmp_path / "photos")
    assert len(found(read_folder(tmp_path / "texts", tmp_path / "photos"))) == 2


def test_photos_without_any_text_are_an_error(tmp_path, write_photos) -> None:
    write_photos(tmp_path, "a.jpg", "b.jpg")
    assert not is_folder_of_pairs(tmp_path)
    with pytest.raises(DatasetError, match=r"no photo has a caption; no captions: 2 \(a\.jpg, b\.jpg\)"):
        read_folder(tmp_path)


def test_the_suffix_of_a_text_and_a_photo_count_in_any_capitals(tmp_path, write_photos, found, problems) -> None:
    write_photos(tmp_path, "DOG.JPG", "cat.jpg", "Cow.jpg", "hen.jpg", "HEN.png")
    for name in ("DOG.TXT", "cat.Txt", "cow.txt", "hen.txt", "HEN.txt"):
        (tmp_path / name).write_text(f"in {name}")
    dataset = read_folder(tmp_path)
    assert {name: captions for name, (_, captions) in found(dataset).items()} == {
        "DOG.JPG": ("in DOG.TXT",),
        "cat.jpg": ("in cat.Txt",),
        "Cow.jpg": ("in cow.txt",),
        "hen.jpg": ("in hen.txt",),
        "HEN.png": ("in HEN.txt",),
    }
    assert problems(dataset) == []
