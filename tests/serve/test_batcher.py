from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from conftest import PHOTOS
from showtell.captioning.caption import Caption
from showtell.captioning.captioner import Captioner
from showtell.errors import NoCaptionError, PhotoError
from showtell.serve.batcher import Answer, Batcher
from showtell.serve.limits import Limits
from showtell.serve.refusal import RefusedError

CAT, COFFEE = ((PHOTOS / name).read_bytes() for name in ("chelsea.png", "coffee.png"))
DOG = Caption("A dog.", -1.0, ())


class Decoded:
    """Workers who have decoded each photo already, but those named slow."""

    share, stuck = 2, False

    def __init__(self) -> None:
        self.begun = 0

    async def decode(self, photo: bytes) -> tuple[Image.Image, float]:
        self.begun += 1
        if photo == b"slow":
            await asyncio.sleep(60)
        return Image.new("RGB", (1, 1)), 0.0

    async def stop(self) -> None:
        pass


class Slow:
    """A captioner that begins a batch when it is told to, and remembers how many photos each had."""

    def __init__(self) -> None:
        self.go, self.batches, self.said = threading.Semaphore(0), [], DOG

    def encode(self, photos):
        self.batches.append(len(photos))
        self.go.acquire()
        return np.zeros((len(photos), 1))

    def caption_features(self, features, num_captions):
        return [replace(self.said, others=(DOG,)).up_to(num_captions) for _ in features]


def run(test: Callable[[Batcher, Slow], Awaitable[None]], limits: Limits = Limits()) -> None:  # noqa: B008
    """With a batcher that has begun, of a slow captioner that is let go at the end."""

    async def whole() -> None:
        slow = Slow()
        slow.go.release(2)
        batcher = Batcher(slow, limits, Decoded())
        await batcher.start()
        slow.batches.clear()
        batcher.seconds_per_photo = 0.01
        await test(batcher, slow)
        slow.go.release(100)
        await until(lambda: batcher.waiting == 0)
        await batcher.stop()

    asyncio.run(whole())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def test_photos_are_captioned_in_their_order(captioner: Captioner, here: type) -> None:
    async def whole() -> None:
        batcher = Batcher(captioner, Limits(), here(Limits()))
        assert not batcher.ready
        await batcher.start()
        assert batcher.ready
        assert batcher.seconds_per_photo > 0
        cat, broken, coffee = await batcher.caption([CAT, b"broken", COFFEE])
        assert cat == Answer(captioner.caption(CAT))
        assert isinstance(broken, PhotoError)
        assert coffee == Answer(captioner.caption(COFFEE))
        (answer,) = await batcher.caption([CAT], 3, attention_maps=True)
        assert answer.caption.others
        assert answer.attention_maps.shape == (len(answer.caption.words), 9, 9)
        await batcher.stop()

    asyncio.run(whole())


def test_waiting_photos_form_a_batch() -> None:
    async def test(batcher: Batcher, slow: Slow) -> None:
        asked = [asyncio.create_task(batcher.caption([b"x"], 1 + place % 2)) for place in range(12)]
        await until(lambda: slow.batches == [8])
        assert batcher.waiting == 12
        slow.go.release(2)
        answers = await asyncio.gather(*asked)
        assert slow.batches == [8, 4]
        assert [len(answer.caption.n_best) for (answer,) in answers] == [1, 2] * 6

    run(test)


def test_photo_that_would_wait_too_long_is_refused_at_once() -> None:
    async def test(batcher: Batcher, slow: Slow) -> None:
        batcher.seconds_per_photo = 0.3
        asked = [asyncio.create_task(batcher.caption([b"x"])) for _ in range(2)]
        await until(lambda: batcher.waiting == 2)
        with pytest.raises(RefusedError, match="2 photos are waiting") as refused:
            await batcher.caption([b"x"])
        assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
        slow.go.release(2)
        await asyncio.gather(*asked)
        batcher.check_capacity()

    run(test)


def test_queue_length_is_limited() -> None:
    async def test(batcher: Batcher, slow: Slow) -> None:
        asked = asyncio.create_task(batcher.caption([b"x"] * 10))
        await until(lambda: batcher.waiting == 10)
        with pytest.raises(RefusedError, match="busy"):
            await batcher.caption([b"x"])
        slow.go.release(2)
        await asked

    run(test, Limits(queue=10))


def test_idle_server_accepts_a_request_that_exceeds_the_wait() -> None:
    async def test(batcher: Batcher, slow: Slow) -> None:
        slow.go.release(2)
        batcher.seconds_per_photo = 100
        assert len(await batcher.caption([b"x"] * 9)) == 9

    run(test)


def test_slow_request_times_out() -> None:
    async def test(batcher: Batcher, slow: Slow) -> None:
        with pytest.raises(RefusedError) as refused:
            await batcher.caption([b"x"] * 9)  # the ninth waits for another batch
        assert refused.value.status == 504
        slow.go.release()
        await until(lambda: batcher.waiting == 0)
        assert slow.batches == [8]

    run(test, Limits(deadline_seconds=0.05))


def test_cancelled_request_is_dropped() -> None:
    async def test(batcher: Batcher, slow: Slow) -> None:
        first = asyncio.create_task(batcher.caption([b"x"] * 8))
        await until(lambda: slow.batches == [8])
        gone = asyncio.create_task(batcher.caption([b"x"]))
        await until(lambda: batcher.waiting == 9)
        gone.cancel()
        slow.go.release()
        await first
        await until(lambda: batcher.waiting == 0)
        assert slow.batches == [8]

    run(test)


def test_failed_batch_does_not_affect_the_next() -> None:
    async def test(batcher: Batcher, slow: Slow) -> None:
        working, slow.caption_features = slow.caption_features, None
        slow.go.release(2)
        with pytest.raises(TypeError):
            await batcher.caption([b"x"])
        slow.caption_features = working
        assert await batcher.caption([b"x"]) == [Answer(DOG)]

    run(test)


def test_cancelled_request_is_not_decoded() -> None:
    async def test(batcher: Batcher, slow: Slow) -> None:
        batcher.workers.begun = 0
        gone = asyncio.create_task(batcher.caption([b"slow"] * 16))
        await until(lambda: batcher.workers.begun == 2)
        gone.cancel()
        await until(lambda: batcher.waiting == 0)
        assert batcher.workers.begun == 2
        slow.go.release()
        assert await batcher.caption([b"x"]) == [Answer(DOG)]

    run(test)


def test_one_request_cannot_occupy_all_workers() -> None:
    async def test(batcher: Batcher, slow: Slow) -> None:
        batcher.workers.begun = 0
        asked = asyncio.create_task(batcher.caption([b"slow"] * 16))
        await until(lambda: batcher.workers.begun == 2)
        slow.go.release()
        assert await batcher.caption([b"x"]) == [Answer(DOG)]
        assert batcher.workers.begun == 3
        asked.cancel()

    run(test)


def test_an_invented_sentence_is_an_error() -> None:
    async def test(batcher: Batcher, slow: Slow) -> None:
        slow.said = replace(DOG, familiar=False)
        slow.go.release()
        (found,) = await batcher.caption([b"x"])
        assert isinstance(found, NoCaptionError)
        assert str(found).startswith("the photo of 1 bytes: is like no photo that the captioner learnt from")

    run(test)


def test_slow_photo_hardly_changes_the_average_time() -> None:
    async def test(batcher: Batcher, slow: Slow) -> None:
        batcher.limits = Limits(wait_seconds=0.4)
        batcher.seconds_per_photo = 0.01

        async def long(photo: bytes) -> tuple[Image.Image, float]:
            return Image.new("RGB", (1, 1)), 10.0

        batcher.workers.decode = long
        slow.go.release()
        await batcher.caption([b"x"])
        assert 0.05 < batcher.seconds_per_photo < 1

    run(test)


def test_requests_are_refused_while_all_workers_are_stuck() -> None:
    async def test(batcher: Batcher, slow: Slow) -> None:
        batcher.workers.stuck = True
        with pytest.raises(RefusedError, match="busy"):
            await batcher.caption([b"x"])

    run(test)
