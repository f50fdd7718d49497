from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from showtell.vision import grey as grey_module
from showtell.vision.grey import deep_to_rgb, is_deep
from showtell.vision.photo import open_photo
from vision.tiff import tiff


def row(data: bytes) -> list[int]:
    """The grey of the first row of a photo."""
    pixels = np.asarray(open_photo(data)).astype(int)
    assert (np.ptp(pixels, axis=2) == 0).all()
    return pixels[0, :, 0].tolist()


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize(
    ("samples", "bits", "form", "expected"),
    [
        (np.array([[0, 257 * 7, 65535]], "<u2"), 16, 1, [0, 7, 255]),
        (np.array([[0, 100, 200]], "<u1"), 8, 1, [0, 100, 200]),
        (np.array([[0.0, 0.2, 1.0]], "<f4"), 32, 3, [0, 51, 255]),
        (np.array([[0, 257 * 7, 65535]], ">u2"), 16, 1, [0, 7, 255]),
        (np.array([[-32768, 0, 32767]], "<i2"), 16, 2, [0, 128, 255]),
        (np.array([[-32768, 0, 32767]], ">i2"), 16, 2, [0, 128, 255]),
        (np.array([[0, 2**31, 2**32 - 1]], "<u4"), 32, 1, [0, 128, 255]),
        (np.array([[0, 2**31, 2**32 - 1]], ">u4"), 32, 1, [0, 128, 255]),
        (np.array([[-(2**31), 0, 2**31 - 1]], ">i4"), 32, 2, [0, 128, 255]),
    ],
)
def test_zero_may_be_white(samples: np.ndarray, bits: int, form: int, expected: list[int], photometric: int) -> None:
    expected = expected if photometric else [255 - value for value in expected]
    assert row(tiff(samples, bits=bits, form=form, photometric=photometric)) == expected


@pytest.mark.parametrize(
    ("samples", "bits", "form", "expected"),
    [
        (np.array([[0, 2**31 - 1, 2**31, 2**32 - 1]], "<u4"), 32, 1, [0, 127, 128, 255]),
        (np.array([[-(2**31), 0, 2**31 - 1]], "<i4"), 32, 2, [0, 128, 255]),
        (np.array([[-(2**31), 0, 2**31 - 1]], ">i4"), 32, 2, [0, 128, 255]),
        (np.array([[-32768, 0, 32767]], "<i2"), 16, 2, [0, 128, 255]),
        (np.array([[0, 257 * 9, 65535]], ">u2"), 16, 1, [0, 9, 255]),
        (np.array([[-128, 0, 127]], "<i1"), 8, 2, [0, 128, 255]),
        (np.array([[0.0, 0.2, 1.0]], ">f4"), 32, 3, [0, 51, 255]),
    ],
)
def test_samples_of_tiff_keep_their_order(samples: np.ndarray, bits: int, form: int, expected: list[int]) -> None:
    assert row(tiff(samples, bits=bits, form=form)) == expected


def test_twelve_bits_reach_to_white() -> None:
    # 0xFFF, 0x000, 0x800 and 0x001 in six bytes
    assert row(tiff(np.frombuffer(b"\xff\xf0\x00\x80\x00\x01", np.uint8)[None], bits=12)) == [255, 0, 128, 0]


def test_a_transparent_grey_of_16_bits_is_white() -> None:
    file = io.BytesIO()
    Image.fromarray(np.array([[0, 1, 65535]], np.uint16)).save(file, "PNG", transparency=1)
    assert row(file.getvalue()) == [0, 255, 255]


def test_strips_are_the_same_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.random.default_rng(0).normal(size=(37, 11)).astype(np.float32)
    image = Image.fromarray(samples)
    whole = np.asarray(deep_to_rgb(image))
    for strip in (1, 30, 100):
        monkeypatch.setattr(grey_module, "_STRIP", strip)
        np.testing.assert_array_equal(np.asarray(deep_to_rgb(image)), whole)


def test_memory_does_not_grow_with_the_photo() -> None:
    image = Image.new("F", (4000, 4000))
    tracemalloc.start()
    try:
        deep_to_rgb(image)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 48 * 2**20  # the samples alone have 64 MB


def test_deep_images_are_recognized() -> None:
    for mode in ("I;16", "I;16B", "I", "F"):
        assert is_deep(Image.new(mode, (1, 1)))
    for mode in ("1", "L", "LA", "P", "RGB", "CMYK"):
        assert not is_deep(Image.new(mode, (1, 1)))


@pytest.mark.parametrize("number", [0x7F800001, 0xFF800001, 0x7FC00000])
def test_numbers_that_are_none_are_black_without_a_word(number: int) -> None:
    samples = np.array([[0.0, 0.2, 1.0, 0.0]], "<f4")
    samples.view(np.uint32)[0, 3] = number
    assert row(tiff(samples, bits=32, form=3)) == [0, 51, 255, 0]
