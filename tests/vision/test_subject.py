from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import PHOTOS
from showtell.errors import NoCaptionError, PhotoError
from showtell.vision.encoder import SIDE, squash
from showtell.vision.photo import open_photo
from showtell.vision.subject import open_subject

COLOURS = ["white", "black", "grey", "red", "#87ceeb"]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "webp", "tif"])
def test_a_photo_of_one_colour_is_told_by_its_name(tmp_path: Path, colour: str, suffix: str) -> None:
    photo = tmp_path / f"plain.{suffix}"
    Image.new("RGB", (300, 200), colour).save(photo)
    with pytest.raises(NoCaptionError) as told:
        open_subject(photo)
    assert str(told.value) == f"{photo}: is of one colour; there is nothing in it to caption"
    with pytest.raises(NoCaptionError, match=rf"^the photo of {photo.stat().st_size:,} bytes: is of one colour"):
        open_subject(photo.read_bytes())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I", "I;16", "F", "CMYK", "RGBA"])
def test_so_is_one_of_any_mode(mode: str) -> None:
    with pytest.raises(NoCaptionError, match=r"^the PIL image: is of one colour"):
        open_subject(Image.new(mode, (30, 20)))


def test_so_is_one_with_a_lens_cap_s_noise() -> None:
    noise = np.random.default_rng(0).normal(12, 8, (1500, 2000, 3)).clip(0, 255).astype(np.uint8)
    with pytest.raises(NoCaptionError):
        open_subject(Image.fromarray(noise))


def test_a_faint_picture_is_one() -> None:
    photo = Image.new("RGB", (200, 200), "black")
    photo.paste((0, 0, 20), (50, 50, 150, 150))
    assert open_subject(photo).size == (SIDE, SIDE)


def test_any_other_is_as_the_encoder_sees_it() -> None:
    for photo in PHOTOS.glob("*.png"):
        assert open_subject(photo).tobytes() == squash(open_photo(photo)).tobytes()


def test_what_cannot_be_read_is_told_as_ever(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="no such file"):
        open_subject(tmp_path / "none.jpg")
