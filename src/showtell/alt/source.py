"""What an image shows: the file of the site, or the bytes, that its source means."""

from __future__ import annotations

import base64
import binascii
import io
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

from showtell.errors import PhotoError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
# Liquid, Jinja, Handlebars, ERB, PHP, JavaScript: the site's generator will write the source.
_TEMPLATE = re.compile(r"\{\{|\{%|<%|<\?|\$\{")
_DRAWINGS = (".svg", ".svgz")
# How much of a data: URI a person is shown.
_SHOWN = 80
# Pixels that a photo has at least on each side.
_SMALLEST = 16


@dataclass(frozen=True)
class Left:
    """An image that is left as it is, though nothing is wrong with it, and why."""

    reason: str


def find_photo(source: str, page: Path, site: Path) -> Path | bytes | Left:
    """The photo that an image shows: a path without links in it, or the bytes of a file.

    Args:
        source: the URL, as the page writes it.
        page: the page's file; relative sources begin in its folder.
        site: the site's folder; sources such as `/img/x.jpg` begin there, and none leads out of it.

    Raises:
        PhotoError: the source leads out of the site, or cannot be understood. The message does not name the source.
    """
    url = re.sub(r"[\t\n\r]", "", source).strip("".join(map(chr, range(0x21))))
    if not url:
        return Left("has no src of its own")
    if _TEMPLATE.search(url):
        return Left("is written by a template")
    scheme = _SCHEME.match(url)
    if scheme and scheme[1].lower() == "data":
        return _bytes(url[scheme.end() :])
    path = re.split(r"[?#]", url, maxsplit=1)[0].replace("\\", "/")
    if scheme or path.startswith("//"):
        return Left("is elsewhere, and not fetched")
    if path.lower().endswith(_DRAWINGS):
        return Left("is a drawing (SVG), not a photo")
    if not path:
        raise PhotoError("names no file; give the image a source")
    decoded = unquote(path, errors="surrogateescape")
    try:
        photo = (site / decoded.lstrip("/") if decoded.startswith("/") else page.parent / decoded).resolve()
        inside = photo.is_relative_to(site.resolve())
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle; a null byte
        raise PhotoError(f"cannot be followed ({error}); check the path") from error
    if not inside:
        raise PhotoError(
            f"leads out of {site}, and is not read; name the site's whole folder, or copy the photo into it"
        )
    return photo


def no_spacer(photo: Path | bytes) -> Path | bytes | Left:
    """The photo, or that it is left, as it is too small to be one: spacers and counters are a pixel wide."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(photo) if isinstance(photo, bytes) else photo) as image:
            width, height = image.size
    except Exception:  # what is wrong with it is said when it is captioned
        return photo
    if min(width, height) < _SMALLEST:
        return Left(f"is too small to be a photo ({width} x {height} pixels)")
    return photo


def shown(text: str) -> str:
    """A source or a path as one line to be read: without control characters, and of data: URIs the beginning."""
    if text[:5].lower() == "data:" and len(text) > _SHOWN:
        text = f"{text[: _SHOWN - 1]}…"
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def _bytes(data: str) -> bytes | Left:
    """What a data: URI holds."""
    kind, comma, body = data.partition(",")
    if not comma:
        raise PhotoError("is a data: URI without a comma; write it anew")
    if kind.lower().startswith("image/svg"):
        return Left("is a drawing (SVG), not a photo")
    content = unquote_to_bytes(body.partition("#")[0].encode("utf-8", "surrogateescape"))
    if not re.search(r";\s*base64\s*\Z", kind, re.IGNORECASE):
        return content
    try:
        return base64.b64decode(b"".join(content.split()) + b"==")
    except binascii.Error as error:
        raise PhotoError(f"is a data: URI that is damaged ({error}); write it anew") from error
