"""The images of several pages that need a text, and the photos that they show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from showtell.alt.image import Image
from showtell.alt.page import Page
from showtell.alt.source import Left, find_photo, no_spacer
from showtell.errors import PhotoError


@dataclass(frozen=True)
class Use:
    """A photo on a page.

    Attributes:
        page: the page.
        image: its image without alternative text.
        photo: what it shows: a file of the site, or bytes; or why that is not to be had.
    """

    page: Page
    image: Image
    photo: Path | bytes | Left | PhotoError


def uses_of(page: Page, site: Path) -> Iterator[Use]:
    """A page's images without alternative text, in their order, each with the photo that it shows."""
    for image in page.images:
        photo: Path | bytes | Left | PhotoError
        try:
            found = find_photo(image.source, page.path, site, image.base)
            photo = found if isinstance(found, Left) else no_spacer(found)
        except PhotoError as error:
            photo = error
        yield Use(page, image, photo)
