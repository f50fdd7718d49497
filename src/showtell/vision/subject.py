"""Photos as a captioner takes them: at the encoder's size, and not of one colour."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from showtell.errors import NoCaptionError
from showtell.vision.encoder import squash
from showtell.vision.photo import PhotoSource, name_of, open_photo

# How far the values of a channel may lie apart in a photo of one colour, of 255: farther than a lens cap's noise.
_SPREAD = 16


def open_subject(source: PhotoSource, *, admit: Callable[[Image.Image], None] | None = None) -> Image.Image:
    """Open a photo that is to be captioned: RGB, squashed to 260 x 260.

    A captioner has a sentence for everything that it is given, and for a picture of one colour each would be invented.

    Args:
        source: as of `open_photo`, and so is `admit`.
        admit: see there.

    Raises:
        NoCaptionError: it is of one colour.
        PhotoError: it cannot be read.
    """
    photo = squash(open_photo(source, admit=admit))
    if np.ptp(np.asarray(photo), axis=(0, 1)).max() <= _SPREAD:
        raise NoCaptionError(f"{name_of(source)}: is of one colour; there is nothing in it to caption")
    return photo
