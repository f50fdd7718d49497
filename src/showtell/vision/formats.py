"""Photo formats: file suffixes and signatures."""

from __future__ import annotations

from importlib.util import find_spec
from typing import IO

from PIL.TiffImagePlugin import ImageFileDirectory_v2 as Tags

from showtell.errors import PhotoUnavailableError

FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".pjpeg", ".pjp", ".mpo"),
    "PNG": (".png", ".apng"),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "WEBP": (".webp",),
    "TIFF": (".tiff", ".tif"),
    "HEIC": (".heic", ".heics", ".heif", ".heifs", ".hif"),
    "AVIF": (".avif", ".avifs"),
}
"""The formats that are read, and the suffixes of their files."""

PHOTO_SUFFIXES = frozenset(suffix for suffixes in FORMATS.values() for suffix in suffixes)
"""What the names of photos end in, in lower case."""

# HEIC and AVIF have decoders of their own, which not every machine has.
_BY_PILLOW = tuple(name for name in FORMATS if name not in ("HEIC", "AVIF"))
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
# Formats that are not supported; an error that names them is easier to fix.
_OTHERS = {
    b"8BPS": "PSD",
    b"%PDF": "PDF",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"FUJIFILMCCD": "RAF, a camera's raw data",
    b"IIRO": "ORF, a camera's raw data",
    b"IIRS": "ORF, a camera's raw data",
    b"IIU\0": "RW2, a camera's raw data",
}
_OTHER_BRANDS = {b"crx ": "CR3, a camera's raw data", b"qt  ": "a video", b"isom": "a video", b"mp42": "a video"}
_SAMPLES = {1: "", 2: ", with a sign", 3: ", floating point"}
_HEAD = 512


def pillow_formats(name: str, file: IO[bytes]) -> tuple[str, ...]:
    """What Pillow calls the formats that may be tried on a file, which is left at its beginning.

    Raises:
        PhotoUnavailableError: it is of a format whose decoder is not installed.
    """
    brands = _brands(_start(file))
    if _is_avif(brands):
        if find_spec("PIL._avif") is None:
            raise PhotoUnavailableError(f"{name}: is AVIF, which needs a newer Pillow: pip install --upgrade pillow")
        return ("AVIF",)
    if not brands or brands[0] not in _HEIC_BRANDS:
        return _BY_PILLOW
    try:
        import pillow_heif
    except ImportError:
        raise PhotoUnavailableError(f"{name}: is HEIC, which needs an extra: pip install 'showtell[heic]'") from None
    pillow_heif.register_heif_opener()
    return ("HEIF",)


def unknown(name: str, file: IO[bytes]) -> str:
    """The error message for a file that no decoder accepts."""
    start = _start(file)
    if start[:4] in (b"II*\0", b"MM\0*") and (kind := _kind_of_tiff(file)):
        return f"{name}: is TIFF of a kind that is not read ({kind}); save it with 8 or 16 bits a sample"
    brand = b"".join(_brands(start)[:1])
    other = next((known for mark, known in _OTHERS.items() if start.startswith(mark)), _OTHER_BRANDS.get(brand))
    if other:
        return f"{name}: is not a photo of a format that is read, but {other}; save it as JPEG"
    *names, last = FORMATS
    return f"{name}: is not a photo, or damaged at its beginning; accepted are {', '.join(names)} and {last}"


def _start(file: IO[bytes]) -> bytes:
    file.seek(0)
    start = file.read(_HEAD)
    file.seek(0)
    return start


def _brands(start: bytes) -> list[bytes]:
    """What a file of the ISO base media format says that it is: the major brand, then those it also is."""
    if start[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(start[:4], "big"), len(start))
    return [start[8:12], *(start[at : at + 4] for at in range(16, end - 3, 4))]


def _is_avif(brands: list[bytes]) -> bool:
    """Whether it says so, first of all or beside the brand that it has in common with HEIC."""
    if not brands or brands[0] in _AVIF_BRANDS:
        return bool(brands)
    return bool(_AVIF_BRANDS.intersection(brands)) and not any(brand.startswith((b"hei", b"hev")) for brand in brands)


def _kind_of_tiff(file: IO[bytes]) -> str:
    """How the first picture of a TIFF file holds its pixels; empty if it does not say."""
    try:
        tags = Tags(file.read(8))
        file.seek(tags.next)
        tags.load(file)
        bits, form = tags[258], tags.get(339, (1,))
        samples = f"{len(bits)} samples of {bits[0]} bits{_SAMPLES.get(form[0], ', complex')}"
        return f"{samples.replace('1 samples', '1 sample')}, photometric {tags[262]}, compression {tags.get(259, 1)}"
    except Exception:  # whatever damaged tags make of it
        return ""
