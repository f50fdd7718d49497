"""Memory that kernels lay out themselves, used again and again: the system clears pages that it hands out anew."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from showtell.errors import ShowtellError
from showtell.kernels.library import get_instruction_set

_ALIGNMENT = 64
_MOST_SPARE = 4
_spare: list[NDArray[np.uint8]] = []


def pointer(array: NDArray[Any]) -> int:
    """The address of an array's first number."""
    address: int = array.__array_interface__["data"][0]
    return address


class Memory:
    """So many bytes, from an address that is a multiple of 64; what is in them at first is undefined.

    They belong to the instruction set that is in use when they are asked for: each lays things out in its own way.
    """

    def __init__(self, size: int) -> None:
        needed = size + _ALIGNMENT
        try:
            self._array = _spare.pop()
        except IndexError:
            self._array = np.empty(needed, np.uint8)
        if not needed <= len(self._array) <= 4 * needed:
            self._array = np.empty(needed, np.uint8)
        first = pointer(self._array)
        self._address, self._set = first + -first % _ALIGNMENT, get_instruction_set()

    @property
    def address(self) -> int:
        """Where they begin.

        Raises:
            ShowtellError: another instruction set is in use now.
        """
        if (now := get_instruction_set()) != self._set:
            raise ShowtellError(
                f"this was computed with instruction set {self._set!r}, the one in use is {now!r}; compute it anew"
            )
        return self._address

    def __del__(self) -> None:
        _spare.append(self._array)
        del _spare[:-_MOST_SPARE]
