"""Dynamic batching: photos decoded while one batch is captioned form the next batch."""

from __future__ import annotations

import asyncio
import io
import math
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image

from showtell.captioning.caption import Caption
from showtell.captioning.captioner import Captioner
from showtell.captioning.familiarity import unfamiliar
from showtell.errors import PhotoError, ShowtellError
from showtell.nn.types import Array
from showtell.serve.limits import Limits
from showtell.serve.refusal import RefusedError
from showtell.serve.workers import Workers

# Small, because the first photo of a batch waits for the last
_BATCH = 8
# Weight of the newest batch in the exponentially weighted moving average of the time per photo
_EWMA_FACTOR = 0.3


@dataclass(frozen=True)
class Answer:
    """The result for a photo.

    Attributes:
        caption: of it.
        attention_maps: where the decoder attends for each word, (words, 9, 9), if that was asked for.
    """

    caption: Caption
    attention_maps: Array | None = None


@dataclass(frozen=True)
class _PendingRequest:
    photo: Image.Image
    decoding: float
    num_captions: int
    attention_maps: bool
    answer: asyncio.Future[Answer]


class Batcher:
    """A captioner shared by concurrent requests.

    Worker processes decode the photos; one thread captions up to 8 decoded photos at a time. A photo that would wait
    longer than the limits allow is refused before its request body is read, when that is cheap.

    Args:
        captioner: the captioner.
        limits: the limits.
        workers: the processes that decode photos.

    Attributes:
        seconds_per_photo: moving average of the processing time.
    """

    def __init__(self, captioner: Captioner, limits: Limits, workers: Workers) -> None:
        self.captioner, self.limits, self.workers = captioner, limits, workers
        self.seconds_per_photo = 0.0
        self._asked: set[asyncio.Task[Answer | PhotoError]] = set()
        self._decoded: deque[_PendingRequest] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "showtell")
        self._task: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether it is running."""
        return self._task is not None and not self._task.done()

    @property
    def waiting(self) -> int:
        """Photos that are queued or being processed."""
        return len(self._asked)

    async def start(self) -> None:
        """Start, after measuring the time per photo on a few photos of a gradient."""
        gradient = io.BytesIO()
        Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(gradient, "JPEG")
        loop = asyncio.get_running_loop()
        for size in (1, _BATCH):  # the first photo starts a process and loads the networks
            decoded = [await self.workers.decode(gradient.getvalue()) for _ in range(size)]
            batch = [
                _PendingRequest(photo, seconds, 1, False, loop.create_future())
                for photo, seconds in decoded
                if isinstance(photo, Image.Image)
            ]
            if len(batch) < size:
                raise ShowtellError(f"no photo can be decoded here: {decoded[0][0]}")
            start = time.monotonic()
            await loop.run_in_executor(self._thread, self._captions, batch)
            self.seconds_per_photo = self._spent(batch, start)
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Stop; pending requests are dropped, except for the current batch."""
        if self._task:
            self._task.cancel()
        await self.workers.stop()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)

    def check_capacity(self, photos: int = 1) -> None:
        """Check that so many more photos would be captioned in time.

        Raises:
            RefusedError: 503, they would not.
        """
        if not self.ready:
            raise RefusedError(503, "not ready; try again later", 1)
        expected = self.waiting * self.seconds_per_photo
        if self.workers.stuck or (
            self.waiting and (self.waiting + photos > self.limits.queue or expected > self.limits.wait_seconds)
        ):
            raise RefusedError(
                503, f"busy: {self.waiting} photos are waiting; try again later", max(1, math.ceil(expected))
            )

    async def caption(
        self, photos: list[bytes], num_captions: int = 1, *, attention_maps: bool = False
    ) -> list[Answer | PhotoError]:
        """Up to `num_captions` captions of each photo, or its error. If cancelled, the photos are dropped.

        Raises:
            RefusedError: 503, no capacity; 504, timeout.
        """
        self.check_capacity(len(photos))
        share = asyncio.Semaphore(self.workers.share)
        asked = [asyncio.create_task(self._caption(photo, num_captions, attention_maps, share)) for photo in photos]
        for one in asked:
            self._asked.add(one)
            one.add_done_callback(self._asked.discard)
        try:
            async with asyncio.timeout(self.limits.deadline_seconds):
                return await asyncio.gather(*asked)
        except TimeoutError:
            raise RefusedError(
                504, f"not done within {self.limits.deadline_seconds:g} seconds; try again later", 1
            ) from None
        finally:
            for one in asked:
                one.cancel()

    async def _caption(
        self, photo: bytes, num_captions: int, attention_maps: bool, share: asyncio.Semaphore
    ) -> Answer | PhotoError:
        async with share:
            decoded, seconds = await self.workers.decode(photo)
        if isinstance(decoded, PhotoError):
            return decoded
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._decoded.append(_PendingRequest(decoded, seconds, num_captions, attention_maps, answer))
        self._arrived.set()
        answered = await answer
        return answered if answered.caption.familiar else unfamiliar(photo)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            batch: list[_PendingRequest] = []
            while self._decoded and len(batch) < _BATCH:
                one = self._decoded.popleft()
                if not one.answer.done():  # cancelled: the client is gone
                    batch.append(one)
            if not self._decoded:
                self._arrived.clear()
            if not batch:
                continue
            start = time.monotonic()
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
            self.seconds_per_photo += _EWMA_FACTOR * (self._spent(batch, start) - self.seconds_per_photo)

    def _spent(self, batch: list[_PendingRequest], start: float) -> float:
        """The time per photo of a batch whose captioning began at `start`; all cores decode in parallel."""
        # A slow photo occupies one process only
        decoding = sum(min(one.decoding, self.limits.wait_seconds) for one in batch) / self.workers.share
        return (time.monotonic() - start + decoding) / len(batch)

    def _captions(self, batch: list[_PendingRequest]) -> list[Answer]:
        """The answer for each photo; runs in the captioning thread."""
        features = self.captioner.encode([one.photo for one in batch])
        # the first captions do not depend on how many are requested
        captions = self.captioner.caption_features(features, max(one.num_captions for one in batch))
        answers = []
        for place, (one, caption) in enumerate(zip(batch, captions, strict=True)):
            maps = None
            if one.attention_maps and self.captioner.decoder.config.attention_dim:
                (maps,) = self.captioner.attention_maps(features[place : place + 1], [caption])
            answers.append(Answer(caption.up_to(one.num_captions), maps))
        return answers
