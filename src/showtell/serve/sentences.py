"""One text about the photos of a request, for the shapes that answer with text alone."""

from __future__ import annotations

from typing import Any

from showtell.errors import PhotoError
from showtell.serve.refusal import RefusedError


async def one_text(state: Any, photos: list[bytes]) -> tuple[str, int]:
    """A caption a photo, each a line, and how many words they have.

    Args:
        state: of the application.
        photos: their bytes.

    Raises:
        RefusedError: 400, a photo cannot be read or there are too many; and as of `Batcher.caption`.
    """
    if len(photos) > state.limits.photos:
        raise RefusedError(
            400, f"there are {len(photos)} photos, more than {state.limits.photos}; send fewer at a time"
        )
    captions = []
    for answer in await state.batcher.caption(photos):
        state.metrics.photos.labels("unreadable" if isinstance(answer, PhotoError) else "captioned").inc()
        if isinstance(answer, PhotoError):
            raise RefusedError(400, str(answer))
        captions.append(answer.captions[0])
    return "\n".join(caption.text for caption in captions), sum(len(caption.words) for caption in captions)


def in_pieces(text: str) -> list[str]:
    """A text cut before each space, as models stream theirs."""
    first, *others = text.split(" ")
    return [first, *(f" {word}" for word in others)]
