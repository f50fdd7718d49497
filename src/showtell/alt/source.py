"""The photo that an image shows: a file of the site, or the bytes of a data: URI."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

from showtell._util.console import shown
from showtell.alt.resolve import resolve_path
from showtell.alt.template import WRITTEN_BY_TEMPLATE
from showtell.errors import PhotoError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
# Liquid, Jinja, Handlebars, ERB, PHP, JavaScript: the site's generator will write the source.
_TEMPLATE = re.compile(r"\{\{|\{%|<%|<\?|\$\{")
# What others write, and what a file may be named all the same: JSX, Svelte, Pelican, Smarty, Polymer, Thymeleaf, Vite,
# Create React App, Razor, Velocity, mail programs, and the short names for folders that bundlers have.
_LIKE_A_TEMPLATE = re.compile(
    r"[{<>^`|]|\[[\[%(]|%(?:(?![0-9A-Fa-f]{2})\w[\w.]*|[A-Z]+_\w*)%|%%|##|#[{(]|\(\(|\A[@~$]|\A#?\w+\([\"'/]"
)
_HOST = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/]*")
_DRAWINGS = (".svg", ".svgz")
_ELSEWHERE = "is elsewhere, and not fetched"
# How much of a data: URI a person is shown.
_SHOWN = 80
# Pixels that a photo has at least on each side.
_SMALLEST = 16
# Characters that the path of a file may have, on Linux.
_LONGEST = 4096


@dataclass(frozen=True)
class Skipped:
    """An image that is skipped without being an error, and why."""

    reason: str


def find_photo(source: str, page: Path, site: Path, base: str = "") -> Path | bytes | Skipped:
    """The photo that an image shows: a path without links in it, or the bytes of a file.

    Args:
        source: the URL, as the page writes it.
        page: the page's file.
        site: the site's folder, which no source leads out of; `resolve_path` says where in it a source is looked for.
        base: the URL of the page's `<base>`. Where it names a host, that may be the site's own: a source is the file at
            its path, if there is one, and else elsewhere.

    Raises:
        PhotoError: the source leads out of the site, or cannot be understood. The message does not name the source.
    """
    url = _clean(source)
    if not url:
        return Skipped("has no src of its own")
    scheme = _SCHEME.match(url)
    if scheme and scheme[1].lower() == "data":
        return _bytes(url[scheme.end() :])
    if _TEMPLATE.search(url):
        return Skipped(WRITTEN_BY_TEMPLATE)
    path = _path(url)
    if scheme or path.startswith("//"):
        return Skipped(_ELSEWHERE)
    if path.lower().endswith(_DRAWINGS):
        return Skipped("is a drawing (SVG), not a photo")
    is_likely_code = _LIKE_A_TEMPLATE.search(url) is not None
    if not path and not is_likely_code:
        raise PhotoError("names no file; give the image a source")
    has_host, folder = _folder_of(_clean(base))
    if not path.startswith("/"):
        path = folder + path
        if _TEMPLATE.search(base):
            return Skipped("is relative to a <base> that a template writes")
    try:
        if len(path) > _LONGEST:
            raise PhotoError(f"is longer than the path of a file, {len(path):,} characters; check the source")
        photo = resolve_path(unquote(path, errors="surrogateescape"), page, site)
    except PhotoError:
        if is_likely_code:
            return Skipped(WRITTEN_BY_TEMPLATE)
        raise
    if is_likely_code and not photo.is_file():
        return Skipped(WRITTEN_BY_TEMPLATE)
    return Skipped(_ELSEWHERE) if has_host and not photo.is_file() else photo


def skip_spacer(photo: Path | bytes) -> Path | bytes | Skipped:
    """The photo, or `Skipped` if it is too small to be one, such as a spacer or counter."""
    from showtell.vision.photo import size_of

    try:
        width, height = size_of(photo)
    except PhotoError:  # it is said when it is captioned
        return photo
    if min(width, height) < _SMALLEST:
        return Skipped(f"is too small to be a photo ({width} x {height} pixels)")
    return photo


def abbreviated(source: str) -> str:
    """A source as one line to be read: without control characters, and of data: URIs the beginning."""
    if source[:5].lower() == "data:" and len(source) > _SHOWN:
        source = f"{source[: _SHOWN - 1]}…"
    return shown(source)


def _clean(url: str) -> str:
    """A URL without the characters that the URL standard takes out of it."""
    return re.sub(r"[\t\n\r]", "", url).strip("".join(map(chr, range(0x21))))


def _path(url: str) -> str:
    """A URL without its query and fragment, separators as browsers read them."""
    return re.split(r"[?#]", url, maxsplit=1)[0].replace("\\", "/")


def _folder_of(base: str) -> tuple[bool, str]:
    """Whether a base names a host, and what relative paths begin with."""
    path = _path(base)
    host = _HOST.match(path)
    if host:
        path = path[host.end() :] or "/"
    elif _SCHEME.match(path):  # nothing is relative to data: and the like, and the standard leaves them out
        path = ""
    return host is not None, path[: path.rfind("/") + 1]


def _bytes(data: str) -> bytes | Skipped:
    """What a data: URI holds."""
    kind, comma, body = data.partition(",")
    if not comma:
        raise PhotoError("is a data: URI without a comma; encode it again")
    if kind.lower().startswith("image/svg"):
        return Skipped("is a drawing (SVG), not a photo")
    content = unquote_to_bytes(body.partition("#")[0].encode("utf-8", "surrogateescape"))
    if not re.search(r";\s*base64\s*\Z", kind, re.IGNORECASE):
        return content
    try:
        return base64.b64decode(b"".join(content.split()) + b"==")
    except binascii.Error as error:
        raise PhotoError(f"is a data: URI that is damaged ({error}); encode it again") from error
