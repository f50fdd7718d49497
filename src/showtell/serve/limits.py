"""Limits that keep one client from using up the resources of all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a server.

    Attributes:
        body_bytes: per request body; photos in JSON are a quarter smaller, because of base64.
        all_bytes: of all bodies being read or processed.
        pixels: per photo.
        decode_bytes: memory to decode a photo; see `vision.cost.decoded_bytes`.
        decode_seconds: to open a photo, and as long again to decode it.
        queue: photos that wait.
        wait_seconds: how long a photo may have to wait, by what the last ones took; a request that would wait longer is
            refused at once.
        deadline_seconds: after which a request is given up, once for its body to arrive and once for its captions; and
            a connection that has sent no whole head, or does not take its answer.
        linger_seconds: how long a request whose body was not asked for may be silent before its connection is closed.
        drain_seconds: that requests have which were taken before the server was told to end; its end takes 3 more.
        connections: at a time; of them half may be requests in work.
    """

    body_bytes: int = 32 * 2**20
    all_bytes: int = 256 * 2**20
    pixels: int = 50_000_000
    decode_bytes: int = 512 * 2**20
    decode_seconds: int = 20
    queue: int = 256
    wait_seconds: float = 0.4
    deadline_seconds: float = 30.0
    linger_seconds: float = 2.0
    drain_seconds: float = 17.0
    connections: int = 512
