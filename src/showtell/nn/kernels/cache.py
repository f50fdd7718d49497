"""What a forward keeps for its backward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from showtell.errors import ShowtellError


@dataclass(frozen=True)
class Cache:
    """What is common to all of them: the name of the forward."""

    made_by: str


def check_cache(function: str, cache: Cache, kind: type[Cache]) -> None:
    """Check that a cache is of the forward that a backward belongs to.

    Raises:
        ShowtellError: `gru_backward: the cache is of lstm_forward, expected one of gru_forward`.
    """
    expected = function.replace("backward", "forward")
    if not isinstance(cache, kind):
        raise ShowtellError(f"{function}: the cache is a {type(cache).__name__}, expected one of kernels.{expected}")
    if cache.made_by != expected:
        raise ShowtellError(f"{function}: the cache is of {cache.made_by}, expected one of {expected}")


def frozen(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places in arrays, read-only: a kernel takes them as they are."""
    ids.flags.writeable = False
    return ids
