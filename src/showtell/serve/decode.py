"""The process that decodes photos for a server, one after the other: `python -m showtell.serve.decode`.

A photo comes on its standard input, its length before it; the answer goes to its standard output, what it is and its
length before it. So nothing that a photo does to a decoder reaches the server but as pixels, as a message, or as no
answer.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import IO

from PIL import Image

from showtell.errors import PhotoError
from showtell.vision.cost import decoded_bytes
from showtell.vision.subject import open_subject

LENGTH = 8
"""Bytes of a length field, big-endian."""
READY, PIXELS, WRONG, LARGE = b"\0", b"\1", b"\2", b"\3"
"""Kinds of answers: ready for photos; pixels for the encoder; an error message; a large photo, which waits for a byte
before it is decoded."""
LARGE_BYTES = 64 * 2**20
"""A photo that needs more memory to decode is large."""

# Memory of the process besides the decoded photo: its code, and the encoded photo
_OWN_BYTES = 256 * 2**20


class Decoder:
    """Decodes photos within limits, from a stream to a stream.

    Args:
        pixels: of a photo.
        memory: bytes to decode it.
        seconds: to open it, and again to decode it; then the process ends.
        photos: each with its length before it.
        answers: each with its kind and its length before it.
    """

    def __init__(self, pixels: int, memory: int, seconds: int, photos: IO[bytes], answers: IO[bytes]) -> None:
        self.pixels, self.memory, self.seconds, self.photos, self.answers = pixels, memory, seconds, photos, answers

    def run(self) -> None:
        """Decode photos until the stream ends."""
        self._answer(READY, b"")
        while length := self.photos.read(LENGTH):
            photo = self.photos.read(int.from_bytes(length, "big"))
            _end_after(self.seconds)
            try:
                pixels = open_subject(photo, admit=self._admit).tobytes()
            except PhotoError as error:
                self._answer(WRONG, str(error).encode("utf-8", "replace"))
            else:
                self._answer(PIXELS, pixels)
            _end_after(0)

    def _admit(self, image: Image.Image) -> None:
        size, needed = f"the photo has {image.width} x {image.height} pixels", decoded_bytes(image)
        if image.width * image.height > self.pixels:
            raise PhotoError(f"{size}, more than {self.pixels:,}; save it smaller")
        if needed > self.memory:
            raise PhotoError(
                f"{size} of mode {image.mode}, which take {needed:,} bytes to decode, more than {self.memory:,}; "
                "save it smaller"
            )
        if needed > LARGE_BYTES:
            _end_after(0)
            self._answer(LARGE, b"")
            if not self.photos.read(1):
                sys.exit()
            _end_after(self.seconds)

    def _answer(self, kind: bytes, told: bytes) -> None:
        self.answers.write(kind + len(told).to_bytes(LENGTH, "big") + told)
        self.answers.flush()


def _end_after(seconds: int) -> None:
    """Let the system kill this process after so many seconds, in case the server is gone; 0 cancels that."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


def _bound_memory(size: int) -> None:
    """Limit the memory that can be allocated; systems other than Linux count less of it."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def main() -> None:
    """Run a decoder on the standard streams; its pixels, memory and seconds are the arguments."""
    pixels, memory, seconds = map(int, sys.argv[1:])
    _bound_memory(memory + _OWN_BYTES)
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # sent to all processes of a service; the server ends its workers itself
        signal.signal(number, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # libraries print warnings about photos
        os.dup2(nowhere, stream)
    Decoder(pixels, memory, seconds, sys.stdin.buffer, answers).run()


if __name__ == "__main__":
    main()
