"""Photos from files, bytes or PIL, opened with care: one way to RGB, one error for all that can be wrong."""

from __future__ import annotations

import io
import os
import stat
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from showtell.errors import PhotoError
from showtell.files import list_files
from showtell.vision.cost import check_cost

PhotoSource: TypeAlias = str | os.PathLike[str] | bytes | Image.Image

MAX_BYTES = 512 * 2**20
# Of what is decoded: a JPEG may have more, up to Pillow's own limit, as it is decoded at a smaller scale.
MAX_PIXELS = 120_000_000
# JPEGs are decoded at 1/2, 1/4 or 1/8 scale where that leaves both sides this long, twice the encoder's.
MIN_DRAFT_SIDE = 520

PHOTO_SUFFIXES = frozenset(
    {".bmp", ".gif", ".heic", ".heif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)

_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1"}
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

    JPEG, PNG, WebP, GIF, BMP and TIFF, and HEIC with the extra `heic`; of an animation the first frame. EXIF
    orientation is honoured, transparency is laid over white, 16-bit grey keeps its range; 32-bit and
    floating-point grey has no agreed white, so its least value becomes black and its greatest white. Colour
    profiles are not applied. A large JPEG is decoded at a smaller scale, still at least `MIN_DRAFT_SIDE` wide
    and high, which takes a quarter of the time and moves the encoder's grid by 7 % (relative Frobenius norm);
    saving the 260 x 260 pixels once more as a JPEG of quality 95 moves it by 33 %.

    Args:
        source: the photo.
        admit: called with the image of a file once it is open, at its full size, and before it is decoded; it may raise
            a PhotoError of its own.

    Raises:
        PhotoError: there is no such file, it is no photo of these formats, it is damaged or truncated, or it
            exceeds `MAX_BYTES`, `MAX_PIXELS` or what `cost` allows. The message names the file, the reason and the
            mend.
        TypeError: `source` is none of the three.
    """
    if isinstance(source, Image.Image):
        return _decode("the PIL image", source)
    if isinstance(source, bytes):
        return _open_file(f"the photo of {len(source):,} bytes", io.BytesIO(source), len(source), admit)
    path = os.fsdecode(source)
    try:
        status = Path(path).stat()
        _check_regular(path, status.st_mode)
        with Path(path).open("rb") as file:
            return _open_file(path, file, status.st_size, admit)
    except FileNotFoundError:
        raise PhotoError(f"{path}: no such file; check the path") from None
    except PermissionError:
        raise PhotoError(f"{path}: no permission to read it; change its permissions or copy it") from None
    except PhotoError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise PhotoError(f"{path!r}: cannot be read ({error}); check the path and the disk") from error


def list_photos(path: str | os.PathLike[str]) -> list[Path]:
    """Return the files below a folder that `PHOTO_SUFFIXES` says are photos, sorted; a file gives itself.

    Files and folders whose name begins with a dot are skipped, links to folders are not followed.

    Raises:
        PhotoError: there is no such file or folder, or a folder cannot be read.
    """
    return list_files(Path(path), PHOTO_SUFFIXES, PhotoError)


def _check_regular(name: str, mode: int) -> None:
    """Turn away folders, and pipes and devices, which may block or never end."""
    if stat.S_ISDIR(mode):
        raise PhotoError(f"{name}: is a folder, not a photo; name a photo in it")
    if not stat.S_ISREG(mode):
        raise PhotoError(f"{name}: is not a regular file; copy the photo into one")


def _open_file(name: str, file: IO[bytes], size: int, admit: Callable[[Image.Image], None] | None) -> Image.Image:
    """Identify the format of `file`, of `size` bytes, and decode it."""
    if size == 0:
        raise PhotoError(f"{name}: is empty (0 bytes); copy it again from its source")
    if size > MAX_BYTES:
        raise PhotoError(f"{name}: has {size:,} bytes, more than {MAX_BYTES:,}; save it smaller")
    formats = _accepted_formats(name, file)
    try:
        with _silent():
            image = Image.open(file, formats=formats)
            check_cost(name, image, file)
            if admit:
                admit(image)
            if image.format in ("JPEG", "MPO"):
                image.draft(None, (MIN_DRAFT_SIDE, MIN_DRAFT_SIDE))
    except PhotoError:
        raise
    except Image.DecompressionBombError:
        raise PhotoError(f"{name}: has too many pixels, more than {MAX_PIXELS:,}; save it smaller") from None
    except UnidentifiedImageError:
        accepted = ", ".join(_FORMATS)
        raise PhotoError(
            f"{name}: is not a photo, or damaged at its beginning; accepted are {accepted} and HEIC"
        ) from None
    except Exception as error:  # whatever a decoder raises on damaged bytes
        raise _damaged(name, error) from error
    return _decode(name, image)


def _accepted_formats(name: str, file: IO[bytes]) -> tuple[str, ...]:
    """Return the names of the formats that PIL may try on `file`; HEIC has its decoder in an extra."""
    start = file.read(12)
    file.seek(0)
    if start[4:8] != b"ftyp" or start[8:12] not in _HEIC_BRANDS:
        return _FORMATS
    try:
        import pillow_heif
    except ImportError:
        raise PhotoError(f"{name}: is HEIC, which needs an extra: pip install 'showtell[heic]'") from None
    pillow_heif.register_heif_opener()
    return ("HEIF",)


def _decode(name: str, image: Image.Image) -> Image.Image:
    """Decode an image that is open: upright, RGB, and free of the metadata that would turn it once more."""
    if 0 in image.size:
        raise PhotoError(f"{name}: has no pixels ({image.width} x {image.height})")
    if image.width * image.height > MAX_PIXELS:
        raise PhotoError(
            f"{name}: has {image.width} x {image.height} pixels, more than {MAX_PIXELS:,}; save it smaller"
        )
    try:
        with _silent() if image.format == "TIFF" else nullcontext():  # alone in warning while it decodes
            image.load()
    except Exception as error:  # whatever a decoder raises on damaged bytes
        raise _damaged(name, error) from error
    try:
        photo = _to_rgb(image)
    except ValueError as error:  # an older Pillow's LAB, for example
        raise PhotoError(f"{name}: is of mode {image.mode}, which PIL cannot turn; save it as RGB") from error
    except MemoryError as error:
        raise _damaged(name, error) from error
    photo.info.clear()
    turn = _UPRIGHT.get(_orientation(image))  # asked for last: TIFF turns itself, PNG may say it at its end
    return photo if turn is None else photo.transpose(turn)


def _damaged(name: str, error: Exception) -> PhotoError:
    if isinstance(error, MemoryError):
        return PhotoError(f"{name}: takes more memory to decode than there is; save it smaller")
    return PhotoError(f"{name}: is damaged or truncated ({error}); copy or export it again from its source")


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; damaged EXIF says nothing about a photo that is whole: 1."""
    try:
        with _silent():
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return a new RGB image of any of PIL's modes."""
    if image.mode.startswith("I;16"):
        return _from_grey(np.asarray(image).astype(np.float32), 0, 65535)
    if image.mode in ("I", "F"):
        samples = np.asarray(image, np.float64)
        finite = samples[np.isfinite(samples)]
        black, white = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
        return _from_grey(np.nan_to_num(samples, nan=black, posinf=white, neginf=black), black, white)
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        canvas = Image.new("RGB", image.size, "white")
        canvas.paste(with_alpha, mask=with_alpha)
        return canvas
    return image.convert("RGB")


def _from_grey(samples: np.ndarray, black: float, white: float) -> Image.Image:
    """Scale grey samples so that `black` becomes 0 and `white` 255."""
    scale = 255 / (white - black) if white > black else 0.0
    return Image.fromarray(np.rint((samples - black) * scale).astype(np.uint8)).convert("RGB")


@contextmanager
def _silent() -> Iterator[None]:
    """Keep Pillow's warnings to ourselves: odd metadata is no fault, and too many pixels are an error here.

    The filters belong to the whole process, so one thread at a time: only TIFF is decoded under this.
    """
    with _WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
