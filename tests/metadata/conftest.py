from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from showtell.metadata.record import Record


@pytest.fixture
def exiftool() -> Callable[[Path], dict[str, Any]]:
    """What exiftool reads in a file: the fields by group and name."""
    program = shutil.which("exiftool")
    if program is None:
        pytest.skip("exiftool is not installed")

    def read(path: Path) -> dict[str, Any]:
        done = subprocess.run([program, "-j", "-G1", "-struct", path], capture_output=True, check=True)
        return json.loads(done.stdout)[0]

    return read


@pytest.fixture(scope="session")
def profile() -> bytes:
    """A colour profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def exif() -> Image.Exif:
    """Exif without words."""
    fields = Image.Exif()
    fields[0x010F] = "A camera"
    return fields


@pytest.fixture
def saved() -> Callable[..., bytes]:
    """The bytes of a small image, always of the same pixels, as Pillow saves it."""

    def save(format: str, mode: str = "RGB", **options: object) -> bytes:
        pixels = np.random.default_rng(0).integers(0, 256, (21, 33, len(mode)), np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels.squeeze(), mode=None).save(file, format, **options)
        return file.getvalue()

    return save


@pytest.fixture
def record() -> Record:
    return Record("A dog runs.", "shipped, encoder e", "0.1.0", "2026-01-02T03:04:05+01:00", 0.25)
