"""Features of many photos, through the store."""

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
    from PIL.Image import Image

    from showtell.vision.encoder import Encoder


def photo_features(
    photos: Sequence[Path],
    encoder: Encoder,
    folder: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
    *,
    grid: bool,
    mirrored: bool = False,
) -> tuple[NDArray[np.float16], FillReport]:
    """Encode the photos that the store in `folder` does not know yet.

    Args:
        photos: the files.
        encoder: what turns them into grids.
        folder: where features are kept.
        progress: called with the photos done and those there are.
        grid: whether the whole grids are wanted, or their means.
        mirrored: whether left and right are to be changed first.

    Returns:
        The store's features, mapped, float16 (any, 81, 1280) or (any, 1280); and the report, with each photo's row in
        them and the photos that cannot be read.

    Raises:
        DatasetError: the store cannot be made, read or written.
    """
    store = FeatureStore(
        folder,
        encoder.identity + ("-mirrored" if mirrored else ""),
        encoder.grid_shape if grid else (encoder.feature_dim,),
    )

    def encode(images: list[Image]) -> NDArray[np.float32]:
        grids = encoder.encode([_mirror(image) for image in images] if mirrored else images)
        return grids if grid else pool(grids)

    report = store.fill(photos, encode, progress=progress)
    return store.features, report


def _mirror(image: Image) -> Image:
    from PIL.ImageOps import mirror

    return mirror(image)
