"""Exceptions for errors that a user can fix; `ShowtellError` is the base class of all."""

from __future__ import annotations


class ShowtellError(ValueError):
    """An error that a user can fix: in a photo, a file or a setting. The message names it and the fix."""


class PhotoError(ShowtellError):
    """A photo cannot be read: missing, too large, truncated, or of a format that is not accepted."""


class PhotoUnavailableError(PhotoError):
    """A photo cannot be read for a reason outside its bytes: permission, disk, missing decoder."""


class NoCaptionError(PhotoError):
    """A photo can be read, but nothing can be said of it: it is of one colour, or like none that was learnt from."""


class ModelError(ShowtellError):
    """A model file cannot be used: damaged, truncated, foreign, or of another format."""


class DatasetError(ShowtellError):
    """A data set cannot be read: wrong layout, no captions, no photos."""
