"""Captions where photo software looks for them: XMP, in a file beside the photo or in the photo itself."""
