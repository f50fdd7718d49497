"""Photos encoded as they come, several at a time, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from showtell._util.parallel import parallel_map
from showtell.errors import PhotoError
from showtell.vision.photo import PhotoSource, open_photo

if TYPE_CHECKING:
    from PIL.Image import Image

Source = TypeVar("Source", bound=PhotoSource)
Encoded = TypeVar("Encoded")


def encode_photos(
    photos: Iterable[Source],
    encode: Callable[[Image], Encoded],
    threads: int,
    *,
    opened: Callable[[Source], Image] = open_photo,
) -> Iterator[tuple[Source, Encoded | PhotoError]]:
    """Open and encode photos, and yield each with what `encode` gives, or with what is wrong with it.

    Each of the threads opens a photo and encodes it before it takes the next, so that large photos do not add up in
    memory. They are at most `2 * threads` photos ahead.

    Args:
        photos: as `opened` takes them; drawn as they are needed, in the caller's thread.
        encode: called with one RGB photo, by several threads at a time, such as `Encoder.encode_one`.
        threads: how many photos are worked on at a time.
        opened: opens a photo; it may raise a PhotoError.
    """

    def encoded(photo: Source) -> Encoded | PhotoError:
        try:
            return encode(opened(photo))
        except PhotoError as error:
            return error

    return parallel_map(encoded, photos, threads)
