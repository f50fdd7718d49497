from __future__ import annotations

import contextlib
import io
import os
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from showtell.errors import PhotoError, PhotoUnavailableError
from showtell.vision import photo as photo_module
from showtell.vision.photo import MIN_DRAFT_SIDE, list_photos, open_photo, size_of

PHOTOS = Path(__file__).parents[1] / "photos"
ORIENTATION = 0x0112


def gradient(width: int = 48, height: int = 32) -> Image.Image:
    """Draw a smooth image: red grows to the right, green downwards."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x * 255 / (width - 1), y * 255 / (height - 1), np.full_like(x, 90)], axis=2)
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def values(photo: Image.Image) -> np.ndarray:
    assert photo.mode == "RGB"
    return np.asarray(photo).astype(int)


def difference(photo: Image.Image, expected: Image.Image) -> float:
    assert photo.size == expected.size
    return float(np.abs(values(photo) - values(expected)).max())


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [
        ("a.jpg", {"quality": 95}, 12),
        ("a.jpeg", {"quality": 95, "progressive": True}, 12),
        ("a.png", {}, 0),
        ("a.webp", {"lossless": True}, 0),
        ("b.webp", {"quality": 95}, 20),
        ("a.bmp", {}, 0),
        ("a.tif", {}, 0),
        ("a.tiff", {"compression": "tiff_lzw"}, 0),
        ("a.gif", {}, 24),
    ],
)
def test_formats(tmp_path: Path, name: str, options: dict[str, object], tolerance: float) -> None:
    path = tmp_path / name
    gradient().save(path, **options)
    for source in (path, str(path), path.read_bytes()):
        assert difference(open_photo(source), gradient()) <= tolerance


def test_the_suffix_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(gradient(), "PNG"))
    assert difference(open_photo(path), gradient()) == 0


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    red, blue = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(red, kind, save_all=True, append_images=[blue], **options)
        assert len(list(ImageSequence.Iterator(Image.open(io.BytesIO(data))))) == 2
        assert values(open_photo(data))[4, 4].tolist() == pytest.approx([255, 0, 0], abs=2), kind


def test_the_first_picture_of_a_phone_s_mpo() -> None:
    first = gradient(1200, 1100)
    data = encoded(first, "MPO", save_all=True, append_images=[Image.new("RGB", (1200, 1100))])
    photo = open_photo(data)
    assert photo.size == (600, 550)
    assert difference(photo, first.resize((600, 550), Image.Resampling.BOX)) < 12


def test_heic() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    pillow_heif.from_pillow(gradient(64, 64)).save(file, quality=95)
    assert difference(open_photo(file.getvalue()), gradient(64, 64)) < 16


def test_heic_is_turned_once(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    path = tmp_path / "phone.heic"
    pillow_heif.from_pillow(gradient(64, 96).rotate(90, expand=True)).save(path, quality=95, exif=exif.tobytes())
    assert difference(open_photo(path), gradient(64, 96)) < 16


def test_heic_without_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "phone.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(60))
    with pytest.raises(PhotoError, match=r"phone\.heic: is HEIC.*pip install 'showtell\[heic\]'"):
        open_photo(path)


# The visual sides of the first row and column in the file, as the EXIF standard defines the values 1 to 8.
STORED = {
    1: lambda upright: upright,  # top, left
    2: lambda upright: upright[:, ::-1],  # top, right
    3: lambda upright: upright[::-1, ::-1],  # bottom, right
    4: lambda upright: upright[::-1],  # bottom, left
    5: lambda upright: upright.swapaxes(0, 1),  # left, top
    6: lambda upright: upright[:, ::-1].swapaxes(0, 1),  # right, top
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),  # right, bottom
    8: lambda upright: upright[::-1].swapaxes(0, 1),  # left, bottom
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", STORED)
def test_orientation(kind: str, orientation: int) -> None:
    upright = np.asarray(gradient())
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    data = encoded(stored, kind, exif=exif, **options)

    photo = open_photo(data)
    assert difference(photo, gradient()) <= (12 if kind == "JPEG" else 0)
    assert difference(open_photo(photo), photo) == 0, "turned twice"
    assert difference(open_photo(Image.open(io.BytesIO(data))), photo) == 0


def test_damaged_exif_costs_no_photo() -> None:
    data = encoded(gradient(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff broken")
    assert open_photo(data).size == (48, 32)


def test_transparency_is_laid_over_white() -> None:
    rgba = Image.new("RGBA", (3, 1))
    rgba.putdata([(255, 0, 0, 255), (255, 0, 0, 0), (0, 0, 0, 51)])
    expected = [[255, 0, 0], [255, 255, 255], [204, 204, 204]]
    for source in (rgba, encoded(rgba, "PNG"), encoded(rgba, "WEBP", lossless=True, exact=True)):
        assert values(open_photo(source))[0].tolist() == expected

    grey = Image.new("LA", (3, 1))
    grey.putdata([(10, 255), (10, 0), (0, 51)])
    assert values(open_photo(encoded(grey, "PNG")))[0].tolist() == [[10] * 3, [255] * 3, [204] * 3]


def test_transparent_colours_of_palettes_and_png() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putdata([0, 1])
    red, blue, white = [255, 0, 0], [0, 0, 255], [255, 255, 255]
    assert values(open_photo(encoded(palette, "PNG")))[0].tolist() == [red, blue]
    assert values(open_photo(encoded(palette, "PNG", transparency=0)))[0].tolist() == [white, blue]
    assert values(open_photo(encoded(palette, "GIF", transparency=1)))[0].tolist() == [red, white]
    half = values(open_photo(encoded(palette, "PNG", transparency=bytes([255, 51]))))[0].tolist()
    assert half == [red, [204, 204, 255]]

    rgb = Image.new("RGB", (2, 1), "red")
    rgb.putpixel((1, 0), (0, 0, 255))
    assert values(open_photo(encoded(rgb, "PNG", transparency=(255, 0, 0))))[0].tolist() == [white, blue]


@pytest.mark.parametrize(
    ("depth", "kind", "pixels", "transparent", "expected"),
    [
        (1, 0, b"\x40", b"\0\1", [[0] * 3, [255] * 3]),
        (1, 0, b"\x40", b"\0\0", [[255] * 3, [255] * 3]),
        (2, 0, b"\x10", b"\0\1", [[0] * 3, [255] * 3]),
        (4, 0, b"\x15", b"\0\5", [[17] * 3, [255] * 3]),
        (8, 0, b"\x01\x05", b"\0\5", [[1] * 3, [255] * 3]),
        (16, 0, b"\x01\x01\x05\x05", b"\5\5", [[1] * 3, [255] * 3]),
        (16, 2, b"\x01\x01\x02\x02\x03\x03" + b"\x04\x04" * 3, b"\4\4" * 3, [[1, 2, 3], [255] * 3]),
    ],
)
def test_transparent_colours_of_all_depths(
    depth: int, kind: int, pixels: bytes, transparent: bytes, expected: list[list[int]]
) -> None:
    header = struct.pack(">IIBBBBB", 2, 1, depth, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"tRNS", transparent), (b"IDAT", zlib.compress(b"\0" + pixels)), (b"IEND", b"")]
    assert values(open_photo(png(chunks)))[0].tolist() == expected


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_range(kind: str) -> None:
    samples = np.array([[0, 128, 129, 257, 32768, 65407, 65535]], np.uint16)
    photo = open_photo(encoded(Image.fromarray(samples), kind))
    assert values(photo)[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255, 255]
    assert (np.ptp(values(photo), axis=2) == 0).all()


def test_big_endian_16_bit_grey() -> None:
    samples = np.array([[0, 257 * 7, 65535]], ">u2")
    image = Image.frombytes("I;16B", (3, 1), samples.tobytes())
    assert values(open_photo(image))[0, :, 1].tolist() == [0, 7, 255]


def test_grey_without_a_white_of_its_own_is_stretched() -> None:
    integers = np.array([[-1000, 0, 1000]], np.int32)
    assert values(open_photo(Image.fromarray(integers)))[0, :, 0].tolist() == [0, 128, 255]
    floats = np.array([[0.25, 0.3, 0.75, np.nan, np.inf, -np.inf]], np.float32)
    expected = [0, 26, 255, 0, 255, 0]  # 26 = 255 * 0.05 / 0.5
    assert values(open_photo(encoded(Image.fromarray(floats), "TIFF")))[0, :, 2].tolist() == expected
    for flat in (0.5, np.nan):
        assert values(open_photo(Image.new("F", (2, 2), flat))).max() == 0


def test_other_modes() -> None:
    bits = Image.new("1", (2, 1))
    bits.putpixel((1, 0), 255)
    assert values(open_photo(encoded(bits, "PNG")))[0].tolist() == [[0, 0, 0], [255, 255, 255]]
    assert values(open_photo(encoded(Image.new("L", (2, 1), 77), "BMP")))[0].tolist() == [[77] * 3] * 2
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert values(open_photo(encoded(ink, "TIFF")))[0, 0].tolist() == [255, 0, 0]
    assert values(open_photo(encoded(ink, "JPEG", quality=95)))[8, 8].tolist() == pytest.approx([255, 0, 0], abs=4)
    premultiplied = Image.new("RGBA", (1, 1), (0, 0, 0, 51)).convert("RGBa")
    assert values(open_photo(premultiplied))[0, 0].tolist() == [204, 204, 204]
    for mode in ("YCbCr", "HSV"):
        assert difference(open_photo(gradient().convert(mode)), gradient()) <= 8


def test_a_mode_without_a_way_to_rgb() -> None:
    with pytest.raises(PhotoError, match=r"is of mode La, .*save it as RGB"):
        open_photo(Image.new("La", (4, 4)))


def test_a_pil_image_is_left_as_it_is() -> None:
    image = gradient()
    image.info["comment"] = "mine"
    photo = open_photo(image)
    assert photo is not image
    photo.putpixel((0, 0), (1, 2, 3))
    assert image.getpixel((0, 0)) == (0, 0, 90)
    assert image.info == {"comment": "mine"}


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1039, 1100), (1039, 1100)), ((1040, 1100), (520, 550)), ((2100, 2080), (525, 520))],
)
def test_large_jpegs_are_decoded_smaller(size: tuple[int, int], expected: tuple[int, int]) -> None:
    photo = open_photo(encoded(gradient(*size), "JPEG", quality=90))
    assert photo.size == expected
    assert min(photo.size) >= MIN_DRAFT_SIDE
    assert difference(photo, gradient(*size).resize(expected, Image.Resampling.BOX)) < 12


def test_missing_folder_and_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(PhotoError, match=r"none\.jpg: no such file"):
        open_photo(tmp_path / "none.jpg")
    with pytest.raises(PhotoError, match="is a folder, not a photo"):
        open_photo(tmp_path)
    with pytest.raises(PhotoError, match=r"empty\.jpg: is empty"):
        open_photo(tmp_path / "empty.jpg")
    with pytest.raises(PhotoError, match="the photo of 0 bytes: is empty"):
        open_photo(b"")
    with pytest.raises(PhotoError, match="cannot be read"):
        open_photo("a\0b.jpg")
    with pytest.raises(PhotoError, match="cannot be read"):
        open_photo("n" * 5000)
    with pytest.raises(PhotoError, match="has no pixels"):
        open_photo(Image.new("RGB", (0, 4)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(PhotoError, match="not a regular file"):
        open_photo(tmp_path / "pipe.jpg")


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "private.png"
    gradient().save(path)

    def refuse(*arguments: object, **options: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PhotoUnavailableError, match=r"private\.png: no permission"):
        open_photo(path)


def test_not_a_source() -> None:
    with pytest.raises(TypeError):
        open_photo(np.zeros((4, 4, 3), np.uint8))  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [b"a cat on a mat", b"<svg xmlns='http://www.w3.org/2000/svg'/>", bytes(500)])
def test_not_a_photo(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "note.jpg"
    path.write_bytes(data)
    with pytest.raises(PhotoError, match=r"note\.jpg: is not a photo.*JPEG, PNG"):
        open_photo(path)


def test_formats_that_are_not_accepted() -> None:
    for kind in ("PPM", "ICO", "TGA", "PDF", "JPEG2000"):
        with pytest.raises(PhotoError, match="is not a photo"):
            open_photo(encoded(gradient(), kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_truncated(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "cut"
    data = encoded(gradient(200, 200), kind)
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(PhotoError, match=r"cut: is damaged or truncated .*copy or export it again|cut: is not a photo"):
        open_photo(path)


def test_what_a_decoder_says_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(image: Image.Image) -> None:
        raise ValueError("end of file: \n  in a box\n")

    (tmp_path / "photo.bmp").write_bytes(encoded(gradient(), "BMP"))
    monkeypatch.setattr(Image.Image, "load", load)
    with pytest.raises(PhotoError, match=r"photo\.bmp: is damaged or truncated \(end of file: in a box\); copy"):
        open_photo(tmp_path / "photo.bmp")


def png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    pieces = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"".join([b"\x89PNG\r\n\x1a\n", *pieces])


def png_header(width: int, height: int) -> bytes:
    """Write a PNG that promises `width` x `height` pixels and has none."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return png([(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")])


@pytest.mark.parametrize("side", [11_000, 20_000, 2**31 - 1])
def test_too_many_pixels(side: int) -> None:
    with pytest.raises(PhotoError, match=r"too many pixels|pixels, more than 120,000,000"):
        open_photo(png_header(side, side))


def test_as_many_pixels_as_pillow_warns_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert open_photo(encoded(gradient(), "PNG")).size == (48, 32)


def test_the_size_of_a_photo_is_read_without_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # of more, Pillow warns
    gradient().save(tmp_path / "a.png")
    for source in (tmp_path / "a.png", str(tmp_path / "a.png"), encoded(gradient(), "JPEG")):
        assert size_of(source) == (48, 32)
    assert size_of(png_header(40, 40)) == (40, 40)
    for broken in (b"", b"text", tmp_path, tmp_path / "missing.png", png_header(20_000, 20_000), "a\0b"):
        with pytest.raises(PhotoError):
            size_of(broken)
    (tmp_path / "a.eps").write_bytes(encoded(gradient(), "EPS"))
    with pytest.raises(PhotoError):  # a format that is not accepted
        size_of(tmp_path / "a.eps")


def test_the_cap_is_on_what_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_module, "MAX_PIXELS", 600 * 600)
    assert open_photo(encoded(gradient(2400, 2400), "JPEG")).size == (600, 600)
    with pytest.raises(PhotoError, match="601 x 600 pixels"):
        open_photo(encoded(gradient(601, 600), "PNG"))


def test_too_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "big.png"
    gradient().save(path)
    monkeypatch.setattr(photo_module, "MAX_BYTES", path.stat().st_size - 1)
    for source in (path, path.read_bytes()):
        with pytest.raises(PhotoError, match=r"bytes, more than .*save it smaller"):
            open_photo(source)


EXIF = Image.Exif()
EXIF[ORIENTATION] = 6
WHOLE = {
    "JPEG": encoded(gradient(), "JPEG", exif=EXIF),
    "PNG": encoded(gradient(), "PNG", exif=EXIF),
    "WEBP": encoded(gradient(), "WEBP", exif=EXIF),
    "GIF": encoded(gradient(), "GIF"),
    "BMP": encoded(gradient().quantize(16), "BMP"),
    "TIFF": encoded(gradient(), "TIFF"),
}


def open_or_refuse(data: bytes) -> None:
    with warnings.catch_warnings(record=True) as leaked, contextlib.suppress(PhotoError):
        warnings.simplefilter("always")
        assert open_photo(data).mode == "RGB"
    assert not leaked


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_truncated_anywhere(kind: str, data: st.DataObject) -> None:
    whole = WHOLE[kind]
    open_or_refuse(whole[: data.draw(st.integers(0, len(whole) - 1))])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_damaged_anywhere(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(WHOLE[kind])
    position = st.integers(0, min(len(damaged), data.draw(st.sampled_from([64, 10_000]))) - 1)
    for index, value in data.draw(st.lists(st.tuples(position, st.integers(0, 255)), min_size=1, max_size=6)):
        damaged[index] = value
    open_or_refuse(bytes(damaged))


def test_list_photos(tmp_path: Path) -> None:
    for name in (
        "b.JPG",
        "a.png",
        "notes.txt",
        ".hidden.jpg",
        "sub/z.heic",
        "sub/deep/c.webp",
        ".cache/d.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    names = [path.relative_to(tmp_path).as_posix() for path in list_photos(tmp_path)]
    assert names == ["a.png", "b.JPG", "sub/deep/c.webp", "sub/z.heic"]
    assert list_photos(str(tmp_path / "notes.txt")) == [tmp_path / "notes.txt"]
    (tmp_path / "none").mkdir()
    assert list_photos(tmp_path / "none") == []
    with pytest.raises(PhotoError, match="missing: no such file or folder"):
        list_photos(tmp_path / "missing")


def test_photos_of_the_repository_open() -> None:
    photos = list_photos(PHOTOS)
    assert len(photos) == 40
    for path in photos:
        with Image.open(path) as image:
            assert open_photo(path).size == image.size
