"""Opening photos from files, bytes or PIL images: always RGB, and one exception for everything that can be wrong."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, TypeAlias

from PIL import ExifTags, Image, UnidentifiedImageError

from showtell._util.files import NotRegularError, list_files, open_regular
from showtell.errors import PhotoError, PhotoUnavailableError, ShowtellError
from showtell.vision.cost import check_cost
from showtell.vision.formats import PHOTO_SUFFIXES, pillow_formats, unknown
from showtell.vision.grey import deep_to_rgb, is_deep
from showtell.vision.strip import strip_metadata, with_end_marker

__all__ = ["MAX_BYTES", "MAX_PIXELS", "MIN_DRAFT_SIDE", "PHOTO_SUFFIXES", "PhotoSource", "list_photos", "open_photo"]

PhotoSource: TypeAlias = str | os.PathLike[str] | bytes | Image.Image

MAX_BYTES = 512 * 2**20
# Of what is decoded: a JPEG may have more, up to Pillow's own limit, as it is decoded at a smaller scale.
MAX_PIXELS = 120_000_000
# JPEGs are decoded at 1/2, 1/4 or 1/8 scale where that leaves both sides this long, twice the encoder's.
MIN_DRAFT_SIDE = 520

# Pillow has the transparent colour of PNG as the file has it, and the pixels in 8 bits.
_TO_8_BITS: dict[str, Callable[[int], int]] = {
    "L;2": lambda value: value * 85,
    "L;4": lambda value: value * 17,
    "RGB;16B": lambda value: value >> 8,
}
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WARNING_FILTERS = threading.Lock()


def open_photo(source: PhotoSource, *, admit: Callable[[Image.Image], None] | None = None) -> Image.Image:
    """Open a photo upright, in mode RGB: a path, the bytes of a file, or a PIL image (left as it is).

    JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF, and HEIC with the extra `heic`; of an animation the first frame. EXIF
    orientation is honoured, transparency is laid over white, 16-bit grey keeps its range; 32-bit and
    floating-point grey has no agreed white, so its least value becomes black and its greatest white. Colour
    profiles are not applied. A large JPEG is decoded at a smaller scale, still at least `MIN_DRAFT_SIDE` wide
    and high, which takes a quarter of the time and moves the encoder's grid by 7 % (relative Frobenius norm);
    saving the 260 x 260 pixels once more as a JPEG of quality 95 moves it by 33 %.

    What is damaged beside the picture, such as a comment, is no fault, and neither is a JPEG that lacks its end marker
    and no pixel.

    Args:
        source: the photo.
        admit: called with the image of a file once it is open, at its full size, and before it is decoded; it may raise
            a PhotoError of its own. Called again where the file is opened again, without what is damaged.

    Raises:
        PhotoError: it is no photo of these formats, it is damaged or truncated, or it exceeds `MAX_BYTES`, `MAX_PIXELS`
            or what `cost` allows. The message names the file, the reason and the fix.
        PhotoUnavailableError: a `PhotoError` whose cause is not in the file's bytes: there is no such file, no
            permission, no decoder.
        TypeError: `source` is none of the three.
    """
    if isinstance(source, Image.Image):
        return _decode(name_of(source), source)
    if isinstance(source, bytes):
        return _open_file(name_of(source), io.BytesIO(source), len(source), admit)
    path = name_of(source)
    try:
        with open_regular(path) as file:
            return _open_file(path, file, os.fstat(file.fileno()).st_size, admit)
    except FileNotFoundError:
        raise PhotoUnavailableError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise PhotoError(f"{path}: is a folder, not a photo; name a photo in it") from None
    except NotRegularError:
        raise PhotoError(f"{path}: is not a regular file; copy the photo into one") from None
    except PermissionError:
        raise PhotoUnavailableError(f"{path}: no permission to read it; change its permissions or copy it") from None
    except PhotoError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise PhotoUnavailableError(f"{path!r}: cannot be read ({error}); check the path and the disk") from error


def name_of(source: PhotoSource) -> str:
    """What errors call a photo: its path, or what else it is.

    Raises:
        TypeError: `source` is no photo source.
    """
    if isinstance(source, Image.Image):
        return "the PIL image"
    return f"the photo of {len(source):,} bytes" if isinstance(source, bytes) else os.fsdecode(source)


def size_of(source: str | os.PathLike[str] | bytes) -> tuple[int, int]:
    """Width and height of a photo in pixels, as it is stored: without decoding it.

    Raises:
        PhotoError: it cannot be identified as a photo that `open_photo` might open.
    """
    name = "the photo" if isinstance(source, bytes) else os.fsdecode(source)
    try:
        with (
            io.BytesIO(source) if isinstance(source, bytes) else open_regular(name) as file,
            _without_warnings(),
            Image.open(file, formats=pillow_formats(name, file)) as image,
        ):
            return image.size
    except PhotoError:
        raise
    except Exception as error:  # whatever a decoder raises on damaged bytes
        said = " ".join(str(error).split())
        raise PhotoError(f"{name}: cannot be read ({said}); check the path and the file") from error


def list_photos(
    path: str | os.PathLike[str],
    *,
    exclude: Collection[str] = (),
    unreadable: Callable[[ShowtellError], None] | None = None,
) -> list[Path]:
    """Return the files below a folder that `PHOTO_SUFFIXES` says are photos, sorted; a file gives itself.

    Which folders are left out, and what the other arguments mean, says `files.list_files`.

    Raises:
        PhotoError: there is no such file or folder, or a folder cannot be read.
    """
    return list_files(Path(path), PHOTO_SUFFIXES, PhotoError, exclude=exclude, unreadable=unreadable)


class _DamagedError(PhotoError):
    """A decoder did not take the file, or stopped in it."""


def _open_file(name: str, file: IO[bytes], size: int, admit: Callable[[Image.Image], None] | None) -> Image.Image:
    """Identify the format of `file`, of `size` bytes, and decode it."""
    if size == 0:
        raise PhotoError(f"{name}: is empty (0 bytes); copy it again from its source")
    if size > MAX_BYTES:
        raise PhotoError(f"{name}: has {size:,} bytes, more than {MAX_BYTES:,}; save it smaller")
    formats = pillow_formats(name, file)
    try:
        return _decode(name, _identified(name, file, formats, admit))
    except _DamagedError:
        file.seek(0)
        whole = _repaired(name, file.read(), formats, admit)
        if whole is None:
            raise
    return _decode(name, _identified(name, io.BytesIO(whole), formats, admit))


def _identified(
    name: str,
    file: IO[bytes],
    formats: tuple[str, ...],
    admit: Callable[[Image.Image], None] | None,
    *,
    small: bool = True,
) -> Image.Image:
    """The image in a file, not yet decoded; a large JPEG will be decoded `small`."""
    try:
        with _without_warnings():
            image = Image.open(file, formats=formats)
            check_cost(name, image, file)
            if admit:
                admit(image)
            if small and image.format in ("JPEG", "MPO"):
                image.draft(None, (MIN_DRAFT_SIDE, MIN_DRAFT_SIDE))
    except PhotoError:
        raise
    except Image.DecompressionBombError:
        raise PhotoError(f"{name}: has too many pixels, more than {MAX_PIXELS:,}; save it smaller") from None
    except UnidentifiedImageError:
        with _without_warnings():
            raise _DamagedError(unknown(name, file)) from None
    except Exception as error:  # whatever a decoder raises on damaged bytes
        raise _damaged(name, error) from error
    return image


def _repaired(
    name: str, data: bytes, formats: tuple[str, ...], admit: Callable[[Image.Image], None] | None
) -> bytes | None:
    """The file without the damaged metadata, if all pixels are there."""
    less = strip_metadata(data)
    if less is not None:
        with suppress(_DamagedError):
            _load(name, _identified(name, io.BytesIO(less), formats, admit))
            return less
    ends = with_end_marker(less or data)
    pictures = set()
    for whole in ends:
        try:
            image = _identified(name, io.BytesIO(whole), formats, admit, small=False)
            _load(name, image)
        except PhotoError:
            return None
        pictures.add(hashlib.sha256(image.tobytes()).digest())
        if len(pictures) > 1:
            return None
    return ends[0] if ends else None


def _decode(name: str, image: Image.Image) -> Image.Image:
    """Decode an image that is open: upright, RGB, and free of the metadata that would turn it once more."""
    _load(name, image)
    try:
        photo = deep_to_rgb(image) if is_deep(image) else _to_rgb(image)
    except ValueError as error:  # an older Pillow's LAB, for example
        raise PhotoError(f"{name}: is of mode {image.mode}, which PIL cannot convert; save it as RGB") from error
    except MemoryError as error:
        raise _damaged(name, error) from error
    photo.info.clear()
    turn = _UPRIGHT.get(_orientation(image))  # asked for last: TIFF turns itself, PNG may say it at its end
    return photo if turn is None else photo.transpose(turn)


def _load(name: str, image: Image.Image) -> None:
    """Decode the pixels, no more than `MAX_PIXELS`."""
    if 0 in image.size:
        raise PhotoError(f"{name}: has no pixels ({image.width} x {image.height})")
    if image.width * image.height > MAX_PIXELS:
        raise PhotoError(
            f"{name}: has {image.width} x {image.height} pixels, more than {MAX_PIXELS:,}; save it smaller"
        )
    _fix_transparency(image)
    try:
        with _without_warnings() if image.format == "TIFF" else nullcontext():  # alone in warning while it decodes
            image.load()
    except Exception as error:  # whatever a decoder raises on damaged bytes
        raise _damaged(name, error) from error


def _fix_transparency(image: Image.Image) -> None:
    """Convert the transparent colour of a PNG to the 8 bits of the decoded pixels."""
    colour, tile = image.info.get("transparency"), getattr(image, "tile", None)
    to_8_bits = _TO_8_BITS.get(tile[0][3]) if tile and image.format == "PNG" else None
    if to_8_bits is not None and colour is not None:
        image.info["transparency"] = tuple(map(to_8_bits, colour)) if isinstance(colour, tuple) else to_8_bits(colour)


def _damaged(name: str, error: Exception) -> PhotoError:
    if isinstance(error, MemoryError):
        return PhotoError(f"{name}: takes more memory to decode than there is; save it smaller")
    if isinstance(error, OSError) and error.errno:  # the system's, and no decoder's
        return PhotoUnavailableError(f"{name}: cannot be read ({error.strerror}); check the disk")
    said = " ".join(str(error).split())  # libheif's goes over several lines
    return _DamagedError(f"{name}: is damaged or truncated ({said}); copy or export it again from its source")


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; damaged EXIF says nothing about a photo that is whole: 1."""
    try:
        with _without_warnings():
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return a new RGB image of any of PIL's modes."""
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        canvas = Image.new("RGB", image.size, "white")
        canvas.paste(with_alpha, mask=with_alpha)
        return canvas
    return image.convert("RGB")


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Suppress Pillow's warnings: odd metadata is not an error, and too many pixels are one here.

    The filters belong to the whole process, so one thread at a time: only TIFF is decoded under this.
    """
    with _WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
