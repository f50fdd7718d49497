"""From a photo to its features: safe opening of files, then the frozen network."""
