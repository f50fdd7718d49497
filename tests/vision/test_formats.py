from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from showtell.errors import PhotoError, PhotoUnavailableError
from showtell.vision import formats
from showtell.vision.formats import FORMATS, PHOTO_SUFFIXES, pillow_formats
from showtell.vision.photo import list_photos, open_photo
from vision.tiff import tiff

AVIF = b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf"


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 24), "red").save(file, kind)
    return file.getvalue()


def test_whatever_is_read_is_found_in_folders(tmp_path: Path) -> None:
    names = {"JPEG": "JPEG", "PNG": "PNG", "GIF": "GIF", "BMP": "BMP", "WEBP": "WEBP", "TIFF": "TIFF"}
    if features.check("avif"):
        names["AVIF"] = "AVIF"
    for kind, pillow in names.items():
        for suffix in FORMATS[kind]:
            (tmp_path / f"a{suffix}").write_bytes(encoded(pillow))
            (tmp_path / f"b{suffix.upper()}").write_bytes(encoded(pillow))
    photos = list_photos(tmp_path)
    assert len(photos) == 2 * sum(len(FORMATS[kind]) for kind in names)
    for photo in photos:
        assert np.asarray(open_photo(photo))[5, 5].tolist() == pytest.approx([255, 0, 0], abs=6)
    assert {".jfif", ".pjpeg", ".mpo", ".apng", ".hif", ".avif"} < PHOTO_SUFFIXES


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_avif_is_told_by_its_bytes() -> None:
    data = encoded("AVIF")
    assert pillow_formats("a.jpg", io.BytesIO(data)) == ("AVIF",)
    assert pillow_formats("a.jpg", io.BytesIO(AVIF)) == ("AVIF",)
    assert open_photo(data).size == (32, 24)


def test_avif_without_its_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(PhotoUnavailableError, match="is AVIF, which needs a newer Pillow"):
        open_photo(AVIF)


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"hevc"])
def test_heic_by_brand(brand: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PhotoUnavailableError, match="is HEIC, which needs an extra"):
        open_photo(b"\0\0\0\x1cftyp" + brand + b"\0\0\0\0mif1heicmiaf")


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"8BPS\0\1", "PSD"),
        (b"%PDF-1.4", "PDF"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "CR3"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "a video"),
    ],
)
def test_other_formats_are_named(start: bytes, name: str) -> None:
    with pytest.raises(PhotoError, match=f"is not a photo of a format that is read, but {name}.*; save it as JPEG"):
        open_photo(start + bytes(100))


def test_kinds_of_tiff_are_named() -> None:
    floats = tiff(np.zeros((2, 6), "<f4"), bits=32, form=3, photometric=2, planes=3)
    with pytest.raises(PhotoError, match=r"is TIFF of a kind that is not read \(3 samples of 32 bits, floating point"):
        open_photo(floats)
    with pytest.raises(PhotoError, match=r"1 sample of 64 bits, with a sign.*photometric 1, compression 1"):
        open_photo(tiff(np.zeros((2, 2), ">i8"), bits=64, form=2))
    with pytest.raises(PhotoError, match="is not a photo, or damaged at its beginning"):
        open_photo(b"II*\0\xff\xff\xff\xff" + bytes(100))
