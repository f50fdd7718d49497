"""What a forward keeps for its backward.

Each layer has a class of its own, so that no backward takes another layer's cache; each backend has a subclass of it,
with what it keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from showtell.errors import ShowtellError
from showtell.nn.types import Array


@dataclass(frozen=True)
class Cache:
    """What is common to all of them: the name of the forward."""

    made_by: str


class AffineCache(Cache):
    """Of an affine layer."""


class EmbeddingCache(Cache):
    """Of a word embedding."""


class DropoutCache(Cache):
    """Of dropout: which numbers were dropped."""


class SequenceCache(Cache):
    """Of a recurrent layer's whole sequence; of this class itself if the forward kept nothing for a backward."""


@dataclass(frozen=True)
class AttentionCache(Cache):
    """Of attention: how much each query took of each position, (R, heads, P), a distribution over the positions."""

    weights: Array


Kind = TypeVar("Kind", bound=Cache)


def check_cache(function: str, cache: Cache, kind: type[Kind]) -> Kind:
    """Check that a cache is of the forward that a backward belongs to; the same, as what it is.

    Raises:
        ShowtellError: `gru_backward: the cache is of lstm_forward, expected one of gru_forward`.
    """
    expected = function.replace("backward", "forward")
    if type(cache) is SequenceCache and cache.made_by == expected:
        raise ShowtellError(f"{function}: {expected} kept nothing for it, as with_cache was False")
    if not isinstance(cache, kind):
        backend = kind.__module__.split(".")[-2]
        raise ShowtellError(f"{function}: the cache is a {type(cache).__name__}, expected one of {backend}.{expected}")
    if cache.made_by != expected:
        raise ShowtellError(f"{function}: the cache is of {cache.made_by}, expected one of {expected}")
    return cache
