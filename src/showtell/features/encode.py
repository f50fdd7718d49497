"""Encoding many photos through the feature store."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from showtell.features.cache import FeatureStore, FillReport
from showtell.vision.encoder import pool
from showtell.vision.views import view

if TYPE_CHECKING:
    from PIL.Image import Image

    from showtell.vision.encoder import Encoder


def photo_features(
    photos: Sequence[Path],
    encoder: Encoder,
    folder: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
    *,
    grid: bool,
    number: int = 0,
) -> tuple[NDArray[np.float16], FillReport]:
    """Encode the photos that are not yet in the store in `folder`.

    Args:
        photos: the files.
        encoder: the encoder.
        folder: the store.
        progress: called with the photos done and those there are.
        grid: whether to store whole grids, or only their means.
        number: which augmentation of each photo (see `vision.views`), 0 for the photo itself.

    Returns:
        The store's features, mapped, float16 (any, 81, 1280) or (any, 1280); and the report, with each photo's row in
        them and the photos that cannot be read.

    Raises:
        DatasetError: the store cannot be made, read or written.
    """
    store = FeatureStore(
        folder,
        encoder.identity + (f"-view-{number}" if number else ""),
        encoder.grid_shape if grid else (encoder.feature_dim,),
    )

    def encode(photo: Image) -> NDArray[np.float32]:
        found = encoder.encode_one(view(photo, number))
        return found if grid else pool(found)

    report = store.fill(photos, encode, progress=progress)
    return store.features, report
