from __future__ import annotations

from showtell.datasets import read_dataset
from showtell.datasets.readers.flickr8k import read_flickr8k

TOKENS = "".join(
    f"{name}#{k}\t{caption}\n"
    for name, captions in {
        "a.jpg": ["A cat .", "A cat sits ."],
        "b.jpg": ["A dog ."],
        "c.jpg": ["A cow ."],
        "stray.jpg.1": ["A ghost ."],
        "late.jpg": ["Nobody's ."],
    }.items()
    for k, caption in enumerate(captions)
)


def test_lists_are_the_splits_and_what_is_amiss_is_named(tmp_path, write_photos, found, problems) -> None:
    write_photos(tmp_path / "images", "a.jpg", "b.jpg", "c.jpg", "late.jpg", "bare.jpg")
    tokens = tmp_path / "Flickr8k.token.txt"
    tokens.write_text(TOKENS + "no tab here\n\nb.jpg\twithout a mark\n")
    (tmp_path / "Flickr_8k.trainImages.txt").write_text("a.jpg\r\nbare.jpg\r\n")
    (tmp_path / "Flickr_8k.devImages.txt").write_text("b.jpg")
    (tmp_path / "Flickr_8k.testImages.txt").write_text("c.jpg\n")
    dataset = read_flickr8k(tokens)
    assert found(dataset) == {
        "a.jpg": ("train", ("A cat .", "A cat sits .")),
        "b.jpg": ("val", ("A dog .",)),
        "c.jpg": ("test", ("A cow .",)),
    }
    assert problems(dataset) == [
        ("malformed entry", "Flickr8k.token.txt:7"),
        ("malformed entry", "Flickr8k.token.txt:9"),
        ("missing photo", "stray.jpg.1"),
        ("no captions", "bare.jpg"),
        ("no split", "late.jpg"),
    ]


def test_without_lists_a_hash_divides_them(tmp_path, write_photos, found) -> None:
    write_photos(tmp_path, "a.jpg", "b.jpg", "c.jpg", "late.jpg")
    tokens = tmp_path / "Flickr8k.token.txt"
    tokens.write_text(TOKENS)
    splits = [split for split, _ in found(read_flickr8k(tokens)).values()]
    assert len(splits) == 4
    assert set(splits) == {"train", "val"}


def test_flickr30k_and_any_file_of_such_lines_is_read(tmp_path, write_photos, found) -> None:
    write_photos(tmp_path / "flickr30k-images", "1.jpg", "2#3.jpg")
    text = "1.jpg#0\tA cat .\n1.jpg#1\tTom #1\n2#3.jpg#0\tA dog\n"
    for name in ("results_20130124.token", "mine.txt"):
        (tmp_path / name).write_text(text)
        dataset = read_dataset(tmp_path / name)
        assert [captions for _, captions in found(dataset).values()] == [("A cat .", "Tom #1"), ("A dog",)]
    assert read_dataset(tmp_path) == dataset
