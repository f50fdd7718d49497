"""Memory for the kernels: arrays as they read them, and the workspaces that they lay out themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from showtell.errors import ShowtellError
from showtell.nn.kernels.library import ABI, built_sets, chosen_set

_ALIGNMENT = 64
_MOST_FREE = 4
# Blocks that are used again and again: the system clears pages that it hands out anew
_free_list: list[NDArray[np.uint8]] = []


def contiguous(array: NDArray[Any], dtype: type[np.generic] | None = None) -> NDArray[Any]:
    """The array itself, or a copy, as kernels read arrays: in C's order, aligned, of NumPy's own class."""
    array = np.ascontiguousarray(array, dtype)
    return array if array.flags.aligned else array.copy()


def pointer(array: NDArray[Any]) -> int:
    """The address of an array's first number; from there on a kernel takes one after the other."""
    assert array.flags.c_contiguous
    assert array.flags.aligned
    address: int = array.__array_interface__["data"][0]
    return address


def frozen(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places in arrays, read-only: a kernel takes them as they are."""
    ids.flags.writeable = False
    return ids


class Workspace:
    """So many bytes, from an address that is a multiple of 64; what is in them at first is undefined.

    They belong to the instruction set of `kernels` (`library.kernels_of`): each lays things out in its own way. A copy
    has bytes of its own, also in another process.
    """

    def __init__(self, size: int, kernels: int) -> None:
        needed = size + _ALIGNMENT
        try:
            self._array = _free_list.pop()
        except IndexError:
            self._array = np.empty(0, np.uint8)
        if not needed <= len(self._array) <= 4 * needed:
            self._array = np.empty(needed, np.uint8)
        first = pointer(self._array)
        self.size, self.address, self._set = size, first + -first % _ALIGNMENT, kernels // 3

    @property
    def bytes(self) -> NDArray[np.uint8]:
        """What is in them."""
        first = self.address - pointer(self._array)
        return self._array[first : first + self.size]

    def kernels_of(self, code: int) -> int:
        """`library.kernels_of`, that read and write these bytes.

        Raises:
            ShowtellError: another instruction set is in use now.
        """
        if (chosen := chosen_set()) != self._set:
            theirs, ours = built_sets()[self._set], built_sets()[chosen]
            raise ShowtellError(
                f"this was computed with instruction set {theirs!r}, the one in use is {ours!r}; compute it anew"
            )
        return 3 * self._set + code

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.bytes.tobytes(), built_sets()[self._set], ABI)

    def __del__(self) -> None:
        _free_list.append(self._array)
        del _free_list[:-_MOST_FREE]


def _restored(content: bytes, name: str, abi: int) -> Workspace:
    """A copy of a workspace whose content, instruction set and interface were these.

    Raises:
        ShowtellError: this machine or this build lays things out in another way.
    """
    if abi != ABI or name not in built_sets():
        raise ShowtellError(
            f"this was computed with instruction set {name!r} and interface {abi}, "
            "which this machine or this showtell does not have; compute it anew"
        )
    workspace = Workspace(len(content), 3 * built_sets().index(name))
    workspace.bytes[:] = np.frombuffer(content, np.uint8)
    return workspace
