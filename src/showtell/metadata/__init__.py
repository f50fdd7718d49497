"""Captions as XMP metadata for photo software, in a sidecar file or in the photo itself."""
