from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from showtell.datasets import Dataset, Example
from showtell.datasets.leaks import Leak, find_leaks, leak_lines, refuse_leaks
from showtell.errors import DatasetError


def draw(seed: int) -> Image.Image:
    """A picture like no other: smooth colours, as of a photo out of focus."""
    noise = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((240, 180), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(3))


def dataset(folder: Path, name: str, **splits: list[Image.Image]) -> Dataset:
    examples = []
    for split, pictures in splits.items():
        for number, picture in enumerate(pictures):
            photo = folder / f"{name}-{split}-{number}.png"
            picture.save(photo)
            examples.append(Example(photo, ("a picture",), split))
    return Dataset(name, tuple(examples), ())


def names(leaks: list[Leak]) -> list[tuple[str, str]]:
    return [(leak.train.stem, leak.held_out.stem) for leak in leaks]


def test_different_photos_are_no_leaks(tmp_path) -> None:
    one = dataset(tmp_path, "one", train=[draw(i) for i in range(40)], val=[draw(100 + i) for i in range(20)])
    assert find_leaks([one]) == []
    refuse_leaks([])
    assert leak_lines([]) == []


@pytest.mark.parametrize(
    "again",
    [
        lambda picture: picture.resize((120, 120)),
        lambda picture: ImageEnhance.Brightness(picture).enhance(1.2),
        lambda picture: picture.crop((3, 3, 237, 177)),
        lambda picture: picture.quantize(32).convert("RGB"),
        lambda picture: picture.filter(ImageFilter.GaussianBlur(2)),
    ],
    ids=["squashed", "brighter", "cut", "fewer colours", "blurred"],
)
def test_resaved_photo_is_found_in_another_set(tmp_path, again) -> None:
    one = dataset(tmp_path, "one", train=[draw(i) for i in range(8)])
    two = dataset(tmp_path, "two", train=[draw(50)], val=[draw(60), again(draw(5))], test=[again(draw(2))])
    leaks = find_leaks([one, two])
    assert names(leaks) == [("one-train-2", "two-test-0"), ("one-train-5", "two-val-1")]
    assert not any(leak.within for leak in leaks)
    assert find_leaks([two, one]) == leaks
    assert leak_lines(leaks) == []
    with pytest.raises(DatasetError, match=r"^2 training photos are held-out .*one-train-2\.png is .*two-test-0"):
        refuse_leaks(leaks)


def test_leak_within_a_set_is_a_warning(tmp_path) -> None:
    one = dataset(tmp_path, "one", train=[draw(1), draw(2)], val=[draw(2), draw(3)])
    leaks = find_leaks([one])
    assert names(leaks) == [("one-train-1", "one-val-0")]
    assert leaks[0].within
    assert leaks[0].distance == 0
    refuse_leaks(leaks)
    assert "1 training photos are held-out photos too" in leak_lines(leaks)[0]


def test_single_colour_photos_match_only_as_identical_files(tmp_path) -> None:
    colours = [Image.new("RGB", (32, 32), (value, value, value)) for value in (0, 100, 200)]
    one = dataset(tmp_path, "one", train=colours[:2], val=colours[1:])
    assert names(find_leaks([one])) == [("one-train-1", "one-val-0")]


def test_photos_without_captions_are_learnt_from_and_the_unreadable_are_like_no_other(tmp_path) -> None:
    draw(7).save(tmp_path / "silent.png")
    for name in ("torn", "torn2"):
        (tmp_path / f"{name}.png").write_bytes(b"no photo" + name.encode())
    silent = tuple(Example(tmp_path / f"{name}.png", (), "train", ("cat",)) for name in ("silent", "torn", "gone"))
    two = dataset(tmp_path, "two", val=[draw(7)])
    torn = Dataset("torn", (Example(tmp_path / "torn2.png", ("x",), "val"),), ())
    done = []
    leaks = find_leaks([Dataset("one", (), (), silent), two, torn], lambda at, total: done.append((at, total)))
    assert names(leaks) == [("silent", "two-val-0")]
    assert done[-1] == (5, 5)


def test_only_the_first_leaks_are_named(tmp_path) -> None:
    leaks = [Leak(Path(f"a/{i}.jpg"), Path(f"b/{i}.jpg"), 3, False) for i in range(1234)]
    with pytest.raises(DatasetError) as error:
        refuse_leaks(leaks)
    assert str(error.value) == (
        "1,234 training photos are held-out photos too (a/0.jpg is b/0.jpg; a/1.jpg is b/1.jpg; a/2.jpg is b/2.jpg; "
        "...); take them out of one of the two data sets"
    )
