"""The images of pages that need a text, with the photos that they show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from showtell.alt.image import Image
from showtell.alt.page import Page
from showtell.alt.source import Skipped, find_photo, skip_spacer
from showtell.errors import PhotoError


@dataclass(frozen=True)
class Use:
    """A photo on a page.

    Attributes:
        page: the page.
        image: its image without alternative text.
        source: which of its sources is meant.
        photo: what that shows: a file of the site, or bytes; or why that is not to be had.
    """

    page: Page
    image: Image
    source: str
    photo: Path | bytes | Skipped | PhotoError


def uses_of(page: Page, site: Path) -> Iterator[Use]:
    """A page's images without alternative text, in their order, each with the photo that it shows.

    Of an image with several sources, that is the first that is a file of the site and no spacer, or else the first.
    """

    @cache  # cached: a page may use the same photo thousands of times
    def photo_of(source: str, base: str) -> Path | bytes | Skipped | PhotoError:
        try:
            found = find_photo(source, page.path, site, base)
            return found if isinstance(found, Skipped) else skip_spacer(found)
        except PhotoError as error:
            return error

    for image in page.images:
        if image.review_reason:
            yield Use(page, image, image.source, Skipped(image.review_reason))
            continue
        sources = [image.source, *image.others]
        found = [(source, photo_of(source, image.base)) for source in sources]
        source, photo = next((each for each in found if _is_there(each[1])), found[0])
        yield Use(page, image, source, photo)


def _is_there(photo: Path | bytes | Skipped | PhotoError) -> bool:
    return isinstance(photo, bytes) or (isinstance(photo, Path) and photo.is_file())
