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
from showtell.vision.encoder import squash
from showtell.vision.photo import open_photo

LENGTH = 8
"""Bytes of a length, the highest first."""
READY, PIXELS, WRONG, LARGE = b"\0", b"\1", b"\2", b"\3"
"""What an answer is: that photos may come; a photo as the encoder sees it; what is wrong with it; that it is a large
one, and waits for a byte before it is decoded."""
LARGE_BYTES = 64 * 2**20
"""A photo that takes more to decode is a large one."""

# Of the process beside what a photo decodes to: its code, and the photo as it came
_OWN_BYTES = 256 * 2**20


class Decoder:
    """What a photo may cost, and where photos come from and answers go.

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
        """Decode what comes, until no more does."""
        self._answer(READY, b"")
        while length := self.photos.read(LENGTH):
            photo = self.photos.read(int.from_bytes(length, "big"))
            _end_after(self.seconds)
            try:
                pixels = squash(open_photo(photo, admit=self._admit)).tobytes()
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
    """Have the system end this process then, should the server not be there to do it; 0: not at all."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


def _bound_memory(size: int) -> None:
    """Let no more be allocated: a decoder that asks for more is refused. Other systems than Linux count less."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def main() -> None:
    """Run a decoder on the standard streams; its pixels, memory and seconds are the arguments."""
    pixels, memory, seconds = map(int, sys.argv[1:])
    _bound_memory(memory + _OWN_BYTES)
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to all processes of a service: the server says when to end
        signal.signal(number, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # libraries write there about each photo that is odd
        os.dup2(nowhere, stream)
    Decoder(pixels, memory, seconds, sys.stdin.buffer, answers).run()


if __name__ == "__main__":
    main()
