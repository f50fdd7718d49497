"""Texts about the photos of a request, for the shapes that answer with text alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from showtell.errors import PhotoError
from showtell.serve.body import MOST_PHOTOS, decode_photo
from showtell.serve.refusal import RefusedError


@dataclass(frozen=True)
class Text:
    """A caption a photo, each a line.

    Attributes:
        text: of all.
        words: in it.
    """

    text: str
    words: int

    @property
    def pieces(self) -> list[str]:
        """The text cut before each space, as models stream theirs."""
        first, *others = self.text.split(" ")
        return [first, *(f" {word}" for word in others)]


async def texts(request: Request, photos: list[str], count: int = 1) -> list[Text]:
    """So many texts about photos; the last one again where there are no more ways to say it.

    Args:
        request: whose they are.
        photos: in base64.
        count: of texts.

    Raises:
        RefusedError: 400, a photo cannot be read or there are too many; and as of `Batcher.caption`.
    """
    state: Any = request.app.state
    if len(photos) > MOST_PHOTOS:
        raise RefusedError(400, f"there are {len(photos)} photos, more than {MOST_PHOTOS}; send fewer at a time")
    captions = []
    for answer in await state.batcher.caption([decode_photo(photo) for photo in photos], count):
        state.metrics.photos.labels("unreadable" if isinstance(answer, PhotoError) else "captioned").inc()
        if isinstance(answer, PhotoError):
            raise RefusedError(400, str(answer))
        of_photo = answer.caption.n_best
        captions.append([of_photo[min(place, len(of_photo) - 1)] for place in range(count)])
    return [
        Text("\n".join(caption.text for caption in line), sum(len(caption.words) for caption in line))
        for line in zip(*captions, strict=True)
    ]
