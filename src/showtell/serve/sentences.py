"""Captions as plain text, for the APIs of Ollama and OpenAI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from showtell.errors import PhotoError
from showtell.serve.body import MOST_PHOTOS, decode_photo
from showtell.serve.refusal import RefusedError


@dataclass(frozen=True)
class Text:
    """One caption per photo, one per line.

    Attributes:
        text: the lines.
        words: their number.
    """

    text: str
    words: int

    @property
    def pieces(self) -> list[str]:
        """The text split before each space, as chunks for streaming."""
        first, *others = self.text.split(" ")
        return [first, *(f" {word}" for word in others)]


async def texts(request: Request, photos: list[str], count: int = 1) -> list[Text]:
    """`count` different texts about the photos; the last caption is repeated if there are not enough.

    Args:
        request: the request.
        photos: in base64.
        count: number of texts.

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
