"""Memory that kernels lay out themselves, used again and again: the system clears pages that it hands out anew."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ALIGNMENT = 64
_MOST_SPARE = 4
_spare: list[NDArray[np.uint8]] = []


def pointer(array: NDArray[Any]) -> int:
    """The address of an array's first number."""
    address: int = array.__array_interface__["data"][0]
    return address


class Memory:
    """So many bytes, from an address that is a multiple of 64; what is in them at first is undefined."""

    def __init__(self, size: int) -> None:
        needed = size + _ALIGNMENT
        try:
            self._array = _spare.pop()
        except IndexError:
            self._array = np.empty(needed, np.uint8)
        if not needed <= len(self._array) <= 4 * needed:
            self._array = np.empty(needed, np.uint8)
        first = pointer(self._array)
        self.address = first + -first % _ALIGNMENT

    def __del__(self) -> None:
        _spare.append(self._array)
        del _spare[:-_MOST_SPARE]
