from __future__ import annotations

import threading
import weakref
from pathlib import Path

from PIL import Image

from showtell.errors import PhotoError
from showtell.vision.photo import open_photo
from showtell.vision.stream import encode_photos


def colour(photo: Image.Image) -> int:
    return photo.getpixel((0, 0))[0]


def test_each_photo_comes_with_what_is_encoded_of_it_in_order(tmp_path: Path, write_photos) -> None:
    photos = write_photos(tmp_path, *(f"{i}.png" for i in range(9)))
    assert list(encode_photos(iter(photos), colour, 3)) == list(zip(photos, range(9), strict=True))
    assert list(encode_photos([], colour, 3)) == []


def test_a_broken_photo_is_an_error_in_its_place(tmp_path: Path, write_photos) -> None:
    photos = write_photos(tmp_path, "a.png", "b.png", "c.png")
    photos[1].write_bytes(b"not a photo")
    (_, first), (named, error), (_, last) = encode_photos(photos, colour, 2)
    assert (first, named, last) == (0, photos[1], 2)
    assert isinstance(error, PhotoError)
    assert str(error).startswith(str(photos[1]))


def test_few_photos_are_open_at_a_time(tmp_path: Path, write_photos) -> None:
    photos = write_photos(tmp_path, *(f"{i}.png" for i in range(30)))
    opened: list[weakref.ref[Image.Image]] = []
    alive: list[int] = []

    def remember(path: Path) -> Image.Image:
        photo = open_photo(path)
        opened.append(weakref.ref(photo))
        return photo

    def encode(photo: Image.Image) -> int:
        alive.append(sum(photo() is not None for photo in opened))
        return colour(photo)

    assert len(list(encode_photos(photos, encode, 2, opened=remember))) == len(opened) == 30
    assert max(alive) <= 4


def test_as_many_photos_as_there_are_threads_are_encoded_at_a_time(tmp_path: Path, write_photos) -> None:
    photos = write_photos(tmp_path, *(f"{i}.png" for i in range(6)))
    together = threading.Barrier(3)

    def encode(photo: Image.Image) -> int:
        together.wait(30)
        return colour(photo)

    assert [found for _, found in encode_photos(photos, encode, 3)] == list(range(6))
