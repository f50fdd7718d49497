"""Features of photos: each photo goes through the encoder once, and is read from the store after that."""

from showtell.features.cache import FeatureStore, FillReport
from showtell.features.encode import photo_features

__all__ = ["FeatureStore", "FillReport", "photo_features"]
