"""Several things at a time, in order, and not all of them at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_map(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[tuple[Item, Result]]:
    """Each item with the function's result, in order; computed by `threads` threads.

    Items are drawn as they are needed, at most `2 * threads` ahead of what is yielded: neither need all of them fit
    into memory, nor all results. What the function raises is raised in the item's place, and ends it.
    """
    with ThreadPoolExecutor(threads) as workers:
        ahead: deque[tuple[Item, Future[Result]]] = deque()
        try:
            for item in items:
                ahead.append((item, workers.submit(function, item)))
                if len(ahead) > 2 * threads:
                    first, future = ahead.popleft()
                    yield first, future.result()
            while ahead:
                first, future = ahead.popleft()
                yield first, future.result()
        finally:
            for _, future in ahead:  # nobody asks for them any more
                future.cancel()
