"""The arrays that layers take and give."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
"""An array of float32 or float64; within one call all arrays have the same of the two."""

IntArray: TypeAlias = NDArray[np.integer[Any]]
"""An array of integers of any width, such as word ids and lengths."""

SequenceGradients: TypeAlias = tuple[Array, Array, Array, Array, Array]
"""Of a recurrent layer: dx, dh0, dWx, dWh, db."""

LSTMGradients: TypeAlias = SequenceGradients | tuple[Array, Array, Array, Array, Array, Array]
"""Of the LSTM: dx, dh0, dWx, dWh, db, and dc0 if a c0 was given."""
