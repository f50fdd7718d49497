"""What can go wrong for a user, as one family: catch `ShowtellError` to catch it all."""

from __future__ import annotations


class ShowtellError(ValueError):
    """Something a user can mend: a photo, a file, a setting. The message names it and says how."""


class PhotoError(ShowtellError):
    """A photo cannot be read: missing, too large, truncated, or of a format that is not accepted."""


class PhotoUnavailableError(PhotoError):
    """A photo cannot be read for a reason that is not in its bytes: permission, a disk, a decoder that is missing."""


class ModelError(ShowtellError):
    """A model file cannot be used: damaged, truncated, foreign, or of another format."""


class DatasetError(ShowtellError):
    """A data set cannot be read: wrong layout, no captions, no photos."""
