"""A photo's features: the last grid of EfficientNet-Lite2, bundled with the package and frozen."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from showtell._util.cpu import usable_cores
from showtell._util.files import read_regular
from showtell._util.parallel import parallel_map
from showtell.errors import ModelError, ShowtellError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from PIL.Image import Image

_SHIPPED = Path(__file__).parents[1] / "models" / "efficientnet_lite2.onnx"
SIDE = 260
"""Pixels of the network's input, across and down."""
# Names what `_pixels` does: change it with every change of the pixels that the network gets.
_PREPROCESSING = "squash-260-bicubic-1"


class Encoder:
    """The frozen network: photos to grids of 9 x 9 positions, row by row, of 1280 features in [0, 6].

    EfficientNet-Lite2 (Tan and Le, 2019, arXiv:1905.11946; Lite: the TensorFlow TPU repository, 2020) without
    its classifier, run by ONNX Runtime on the CPU. The session is made at the first `encode`: whoever has
    stored features needs only `identity`.

    Attributes:
        identity: the file's name, 16 hex digits of its sha256 and the version of the preprocessing. The same
            photo and the same identity have the same features: bit for bit on one machine, alone or among
            others, with any number of threads; to about 1e-5 on another kind of CPU.
        grid_shape: (81, 1280).
        feature_dim: 1280.
        threads: how many photos are encoded at a time.
        model: the file's content.
    """

    grid_shape = (81, 1280)
    feature_dim = 1280

    def __init__(
        self, path: str | os.PathLike[str] | None = None, threads: int | None = None, *, model: bytes | None = None
    ) -> None:
        """Read the network at `path` (default: the bundled one); encode up to `threads` photos at a time.

        `model` is the file's content if it is known already; `path` is then but its name.

        By default there are as many threads as there are cores that this process may use.

        Raises:
            ModelError: the file cannot be read.
            ShowtellError: `threads` is below 1.
        """
        if threads is not None and threads < 1:
            raise ShowtellError(f"Encoder: threads is {threads}, expected at least 1 (or None for all cores)")
        self._path = Path(path) if path is not None else _SHIPPED
        self.threads = threads or usable_cores()
        try:
            self.model = model if model is not None else read_regular(self._path)
        except OSError as error:
            raise ModelError(f"{self._path}: the encoder cannot be read ({error.strerror})") from error
        self.identity = f"{self._path.stem}-{hashlib.sha256(self.model).hexdigest()[:16]}-{_PREPROCESSING}"

    def encode(self, photos: Sequence[Image]) -> NDArray[np.float32]:
        """Return the grids of N photos (PIL images of mode RGB): float32 (N, 81, 1280), in [0, 6].

        A photo is squashed to 260 x 260 as a whole, bicubic and antialiased. Its aspect ratio is not kept, so
        nothing at its edges is lost; the photos of Flickr8k that decoders are trained on are squashed too.

        Raises:
            ModelError: the file is no encoder as this class needs it.
            ShowtellError: a photo is not of mode RGB.
        """
        grids = np.empty((len(photos), *self.grid_shape), np.float32)
        for index, (_, grid) in enumerate(parallel_map(self.encode_one, photos, self.threads)):
            grids[index] = grid
        return grids

    def encode_one(self, photo: Image) -> NDArray[np.float32]:
        """Return the grid of one photo, float32 (81, 1280), as `encode` does, without other threads."""
        grid: NDArray[np.float32] = self._session.run(["grid"], {"pixels": _pixels(photo)})[0][0]
        return grid

    @property
    def ships(self) -> bool:
        """Whether it is the bundled encoder."""
        return self._path == _SHIPPED

    def __getstate__(self) -> dict[str, Any]:
        # a session is of one process; a copy makes its own
        return {name: value for name, value in self.__dict__.items() if name != "_session"}

    @functools.cached_property
    def _session(self) -> InferenceSession:
        """Create the session, with one thread: photos encoded in parallel do not wait for each other at every layer.

        So a grid does not depend on the batch or the number of threads, and no thread spins while waiting.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4  # what is wrong becomes an exception, and needs no second line
        onnxruntime.disable_telemetry_events()
        try:
            session = onnxruntime.InferenceSession(self.model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own classes, which have no public base
            raise ModelError(f"{self._path}: is no ONNX model, or it is damaged; export it again") from error
        ends = [*session.get_inputs(), *session.get_outputs()]
        signature = [(end.name, end.shape[1:]) for end in ends]
        expected = [("pixels", [3, SIDE, SIDE]), ("grid", [*self.grid_shape])]
        if signature != expected:
            raise ModelError(f"{self._path}: has the inputs and outputs {signature}, expected {expected}")
        return session


def pool(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean over the positions: (..., 81, 1280) -> (..., 1280), the dtype kept."""
    mean: NDArray[np.float32] = grid.mean(axis=-2)
    return mean


def squash(photo: Image) -> Image:
    """Return a photo of mode RGB as the network sees it, 260 x 260; one of that size is as it was.

    Raises:
        ShowtellError: it is not of mode RGB.
    """
    from PIL.Image import Resampling

    if photo.mode != "RGB":
        raise ShowtellError(f"Encoder.encode: a photo is of mode {photo.mode}, expected RGB; use open_photo")
    return photo.resize((SIDE, SIDE), Resampling.BICUBIC)


def _pixels(photo: Image) -> NDArray[np.float32]:
    """The network's input: float32 (1, 3, 260, 260), (x - 127) / 128."""
    squashed = np.asarray(squash(photo)).transpose(2, 0, 1)[np.newaxis]
    pixels: NDArray[np.float32] = np.subtract(squashed, 127, dtype=np.float32, order="C")
    pixels /= 128
    return pixels
