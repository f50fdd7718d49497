"""Mutated photos: each is opened as a picture or refused, and what is embedded in one never changes its pixels."""

from __future__ import annotations

import io
import random
import warnings
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from campaign.mutation import mutated
from campaign.tally import Tally
from campaign.workers import Case, Outcome, run
from showtell.errors import PhotoError, ShowtellError
from showtell.metadata.container import container_of
from showtell.metadata.descriptions import ExistingDescriptions
from showtell.metadata.xmp import DESCRIPTION, Packet
from showtell.vision.photo import open_photo

PHOTOS = Path(__file__).parents[1] / "photos"
_SMALL = 60_000
"""Bytes of a photo of which the pixels are compared, too."""


def campaign(folder: Path, seed: int, seconds: float) -> Tally:
    """Photos for so many seconds."""
    return run(Tally("photos", "mutated photos"), prepare, folder, seed, seconds)


def prepare(folder: Path, seed: int) -> Case:
    """The cases: a photo each, of a number."""
    warnings.simplefilter("error")  # a warning would be lines on somebody's terminal
    small, large = pictures(), [path.read_bytes() for path in sorted(PHOTOS.iterdir()) if path.suffix != ".csv"]

    def case(number: int) -> Outcome:
        rng = random.Random(f"{seed} photo {number}")
        data = mutated(rng, rng.choice(large if rng.random() < 0.05 else small), small)
        (folder / "photo").write_bytes(data)  # there to be looked at if it breaks
        opened = open_or_none(data)
        readable = describe(data)
        if opened is not None and readable and len(data) < _SMALL:
            embed(data, opened)
        return "refused" if opened is None else "well"

    return case


def open_or_none(data: bytes) -> Image.Image | None:
    """The photo; None if it is refused, in one line."""
    try:
        photo = open_photo(data)
    except PhotoError as error:
        check_refusal(error)
        return None
    assert photo.mode == "RGB"
    assert photo.width * photo.height > 0
    return photo


def check_refusal(error: ShowtellError) -> None:
    """A refusal is one line."""
    assert "\n" not in str(error), f"not one line: {error}"


def describe(data: bytes) -> bool:
    """Whether what is said of the photo can be read."""
    try:
        descriptions = ExistingDescriptions()
        descriptions.add_photo("photo", data)
        descriptions.by_people(DESCRIPTION)
    except PhotoError as error:
        check_refusal(error)
        return False
    return True


def embed(data: bytes, opened: Image.Image) -> None:
    """Embed a caption, and look at the pixels and at what can be read then."""
    container = container_of(data)
    if container is None:
        return
    packet = Packet("photo")
    packet.set_text(DESCRIPTION, "A drawing.")
    try:
        written = container.embed("photo", data, packet.to_bytes())
    except PhotoError:
        return
    again = open_or_none(written)
    assert again is not None, "what was written cannot be opened"
    assert again.size == opened.size, "other sides"
    assert again.tobytes() == opened.tobytes(), "other pixels"
    assert Packet.parse("photo", container.packets("photo", written)[0]).text(DESCRIPTION) == "A drawing."


def pictures() -> list[bytes]:
    """Small pictures of every format that is read and that Pillow writes, in its modes, with metadata."""
    picture = Image.open(PHOTOS / "chelsea.png").convert("RGB").resize((48, 36))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "A cat."
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0A comment."
    packet = Packet("photo")
    packet.set_text(DESCRIPTION, "A cat.")
    xmp, text = packet.to_bytes(), PngInfo()
    text.add_text("Description", "A cat.")
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    text.add_text("Comment", "A comment. " * 20, zip=True)
    made = [
        _saved(picture, "JPEG", exif=exif, xmp=xmp, comment=b"A comment.", quality=80),
        _saved(picture, "JPEG", progressive=True, exif=exif),
        _saved(picture, "JPEG", subsampling=0, restart_marker_rows=1),
        _saved(picture, "MPO", save_all=True, append_images=[picture.convert("L").convert("RGB")]),
        _saved(picture, "PNG", pnginfo=text, exif=exif),
        _saved(picture.quantize(16), "PNG", transparency=3, bits=4),
        _saved(picture, "WEBP", exif=exif.tobytes(), xmp=xmp),
        _saved(picture, "WEBP", lossless=True),
        _saved(picture.convert("RGBA"), "WEBP", save_all=True, append_images=[picture.convert("RGBA")], duration=9),
        _saved(picture, "GIF", comment=b"A comment."),
        _saved(picture, "GIF", save_all=True, append_images=[picture.rotate(90)], duration=9),
    ]
    modes = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
    made += [_saved(_in_mode(picture, mode), "PNG") for mode in modes]
    made += [_saved(_in_mode(picture, mode), "BMP") for mode in ("1", "L", "P", "RGB", "RGBA")]
    made += [_saved(_in_mode(picture, mode), "JPEG") for mode in ("L", "CMYK", "YCbCr")]
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"):
        made.append(_saved(_in_mode(picture, mode), "TIFF", exif=exif))
    for way in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        made.append(_saved(picture, "TIFF", compression=way))
    made.append(_saved(picture.convert("1"), "TIFF", compression="group4"))
    if "AVIF" in Image.SAVE:
        made.append(_saved(picture, "AVIF", exif=exif.tobytes(), xmp=xmp))
    try:
        import pillow_heif
    except ImportError:
        return made
    pillow_heif.register_heif_opener()
    return [*made, _saved(picture, "HEIF", exif=exif.tobytes(), xmp=xmp)]


def _in_mode(picture: Image.Image, mode: str) -> Image.Image:
    if mode == "LAB":
        from PIL import ImageCms

        to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        return ImageCms.applyTransform(picture, to_lab)
    return picture.convert("L").convert("I").convert("I;16") if mode == "I;16" else picture.convert(mode)


def _saved(picture: Image.Image, form: str, **settings: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **settings)
    return file.getvalue()
