"""Who computes the layers: the compiled kernels where they are, the functional ones where they are not."""

from __future__ import annotations

import functools
import warnings
from types import ModuleType

from showtell.nn import functional, kernels


@functools.cache
def best_layers() -> ModuleType:
    """`showtell.nn.kernels`, or, if it was not compiled, `showtell.nn.functional`, with a warning, once."""
    if kernels.available():
        return kernels
    warnings.warn(
        "showtell runs on NumPy, which is slower: its kernels were not compiled; "
        "install a C++ compiler, then showtell again",
        RuntimeWarning,
        stacklevel=2,
    )
    return functional
