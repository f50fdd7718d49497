"""Pooled features of many photos, through the store."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from showtell.datasets.store import FeatureStore, FillReport
from showtell.vision.encoder import pool

if TYPE_CHECKING:
    from showtell.vision.encoder import Encoder


def pooled_features(
    photos: Sequence[Path],
    encoder: Encoder,
    folder: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.float16], FillReport]:
    """Encode the photos that the store in `folder` does not know yet.

    Returns:
        The store's features, mapped, float16 (any, 1280); and the report, with each photo's row in them and
        the photos that cannot be read.

    Raises:
        DatasetError: the store cannot be made, read or written.
    """
    store = FeatureStore(folder, encoder.identity, (encoder.feature_dim,))
    report = store.fill(photos, lambda images: pool(encoder.encode(images)), progress=progress)
    return store.features, report
