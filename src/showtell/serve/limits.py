"""What one server takes on, so that nobody who asks for too much takes it from the others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The bounds of a server.

    Attributes:
        body_bytes: of a request's body; of JSON the photos in it are a quarter smaller.
        all_bytes: of all bodies that are read or worked on at a time.
        pixels: of a photo; a PNG of so many needs three bytes for each.
        photos: in a request.
        several: captions of a photo.
        queue: photos that wait, at most.
        wait_seconds: how long a photo may have to wait, by what the last ones took; a request that would wait longer is
            refused at once.
        deadline_seconds: after which a request is given up, once for its body to arrive and once for its captions.
    """

    body_bytes: int = 32 * 2**20
    all_bytes: int = 256 * 2**20
    pixels: int = 50_000_000
    photos: int = 16
    several: int = 8
    queue: int = 256
    wait_seconds: float = 0.4
    deadline_seconds: float = 30.0
