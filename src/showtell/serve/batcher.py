"""Photos of many requests, captioned together: what waits while one batch is worked on is the next."""

from __future__ import annotations

import asyncio
import io
import math
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from showtell.captioner import Caption, Captioner
from showtell.errors import PhotoError
from showtell.functional.checks import Array
from showtell.serve.limits import Limits
from showtell.serve.refusal import RefusedError

# Few, as the first of them waits for the last
_BATCH = 8
# How much the newest batch says of what a photo takes
_NEWS = 0.3


@dataclass(frozen=True)
class Answer:
    """What there is to say of a photo.

    Attributes:
        captions: of it, best first.
        looks: where the decoder looked for each word of the first one, (words, 9, 9), if that was asked for.
    """

    captions: list[Caption]
    looks: Array | None = None


@dataclass(frozen=True)
class _Wanted:
    photo: bytes
    several: int
    looks: bool
    answer: asyncio.Future[Answer | PhotoError]


class Batcher:
    """A captioner that many may ask at the same time.

    One thread works; it takes up to 8 photos that wait. A photo that would wait for longer than the limits allow is
    refused while it is cheap to: before its request is read.

    Attributes:
        seconds_per_photo: what the last ones took, one with another.
    """

    def __init__(self, captioner: Captioner, limits: Limits) -> None:
        self.captioner, self.limits = captioner, limits
        self.seconds_per_photo = 0.0
        self._waiting: deque[_Wanted] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "showtell")
        self._task: asyncio.Task[None] | None = None
        self._working = 0

    @property
    def ready(self) -> bool:
        """Whether it answers."""
        return self._task is not None and not self._task.done()

    @property
    def waiting(self) -> int:
        """Photos that wait or are worked on."""
        return len(self._waiting) + self._working

    async def start(self) -> None:
        """Begin to work, once a few grey photos have shown how long one takes."""
        from PIL import Image

        grey = io.BytesIO()
        Image.new("RGB", (640, 480), "grey").save(grey, "JPEG")
        loop = asyncio.get_running_loop()
        some = [_Wanted(grey.getvalue(), 1, False, loop.create_future()) for _ in range(_BATCH)]
        for batch in (some[:1], some):  # the first one loads the networks
            start = time.monotonic()
            await loop.run_in_executor(self._thread, self._captions, batch)
            self.seconds_per_photo = (time.monotonic() - start) / len(batch)
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End, once what waits is done."""
        while self.waiting:
            await asyncio.sleep(0.01)
        if self._task:
            self._task.cancel()
        self._thread.shutdown()

    def check_room(self, photos: int = 1) -> None:
        """Whether so many photos more would be captioned in time.

        Raises:
            RefusedError: 503, they would not.
        """
        expected = self.waiting * self.seconds_per_photo
        if self.waiting and (self.waiting + photos > self.limits.queue or expected > self.limits.wait_seconds):
            raise RefusedError(
                503, f"busy: {self.waiting} photos are waiting; try again later", max(1, math.ceil(expected))
            )

    async def caption(self, photos: list[bytes], several: int = 1, *, looks: bool = False) -> list[Answer | PhotoError]:
        """Up to `several` captions of each photo, or what is wrong with it.

        Raises:
            RefusedError: 503, there is no room; 504, it took too long.
        """
        self.check_room(len(photos))
        loop = asyncio.get_running_loop()
        wanted = [_Wanted(photo, several, looks, loop.create_future()) for photo in photos]
        self._waiting.extend(wanted)
        self._arrived.set()
        try:
            async with asyncio.timeout(self.limits.deadline_seconds):
                return [await one.answer for one in wanted]
        except TimeoutError:
            raise RefusedError(
                504, f"not done within {self.limits.deadline_seconds:g} seconds; try again later", 1
            ) from None
        finally:
            for one in wanted:
                one.answer.cancel()  # what nobody waits for any more is not captioned

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            batch: list[_Wanted] = []
            while self._waiting and len(batch) < _BATCH:
                one = self._waiting.popleft()
                if not one.answer.done():
                    batch.append(one)
            if not self._waiting:
                self._arrived.clear()
            if not batch:
                continue
            self._working, start = len(batch), time.monotonic()
            try:
                answers = await loop.run_in_executor(self._thread, self._captions, batch)
            except Exception as error:
                for one in batch:
                    if not one.answer.done():
                        one.answer.set_exception(error)
            else:
                for one, answer in zip(batch, answers, strict=True):
                    if not one.answer.done():
                        one.answer.set_result(answer)
            finally:
                self._working = 0
            spent = (time.monotonic() - start) / len(batch)
            self.seconds_per_photo += _NEWS * (spent - self.seconds_per_photo)

    def _captions(self, batch: list[_Wanted]) -> list[Answer | PhotoError]:
        """Of each photo; in the working thread."""
        answers: dict[int, Answer | PhotoError] = {}
        features = {}
        sound = []
        for place, one in enumerate(batch):
            if (problem := self._too_large(one.photo)) is None:
                sound.append(place)
            else:
                answers[place] = problem
        for place, found in zip(
            sound, self.captioner.features_of([batch[place].photo for place in sound]), strict=True
        ):
            if isinstance(found, PhotoError):
                answers[place] = found
            else:
                features[place] = found
        if features:
            # the first captions of many are those of a few
            most = max(batch[place].several for place in features)
            captions = self.captioner.several_of_features(np.stack(list(features.values())), most)
            for place, of_photo in zip(features, captions, strict=True):
                looks = None
                if batch[place].looks and self.captioner.decoder.attention_dim:
                    (looks,) = self.captioner.looks(features[place][np.newaxis], of_photo[:1])
                answers[place] = Answer(of_photo[: batch[place].several], looks)
        return [answers[place] for place in range(len(batch))]

    def _too_large(self, photo: bytes) -> PhotoError | None:
        """That a photo has too many pixels, which is known before they are unpacked."""
        from PIL import Image

        try:
            with Image.open(io.BytesIO(photo)) as image:
                width, height = image.size
        except Exception:  # what is wrong with it the captioner says
            return None
        if width * height > self.limits.pixels:
            return PhotoError(
                f"the photo has {width} x {height} pixels, more than {self.limits.pixels:,}; save it smaller"
            )
        return None
