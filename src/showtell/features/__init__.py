"""Features of photos: each photo is encoded once and then read from the feature store."""

from showtell.features.cache import FeatureStore, FillReport
from showtell.features.encode import photo_features

__all__ = ["FeatureStore", "FillReport", "photo_features"]
