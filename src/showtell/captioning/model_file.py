"""A captioner's file: a file of tensors (`_util.tensors`) whose fields are all that is no weight, and the format."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from showtell._util.files import read_regular, write_atomically
from showtell._util.tensors import ForeignFileError, HeaderError, TensorFileError, pack_tensors, unpack_tensors
from showtell.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from showtell.nn.types import Array

_KIND = "captioner"
FORMAT_VERSION = 2
"""Changes whenever files of before cannot be read any more."""
SHIPPED = Path(__file__).parents[1] / "models" / "everyday-lstm.safetensors"
"""The captioner that comes with the package."""


def write_model_file(
    path: str | os.PathLike[str],
    fields: Mapping[str, Any],
    weights: Mapping[str, Array],
    blobs: Mapping[str, bytes] | None = None,
) -> None:
    """Write a captioner's file; the same content is the same bytes.

    Args:
        path: the file.
        fields: what JSON can hold.
        weights: floating-point arrays by name, written in float16; in float32 what float16 cannot hold.
        blobs: other files that it carries, by name.

    Raises:
        ModelError: a weight is not finite.
        OSError: the file cannot be written; what was there before is untouched.
    """
    tensors: dict[str, NDArray[Any]] = {name: _half(name, array) for name, array in weights.items()}
    tensors |= {name: np.frombuffer(blob, np.uint8) for name, blob in (blobs or {}).items()}
    write_atomically(path, pack_tensors(_KIND, {"format_version": FORMAT_VERSION, **fields}, tensors))


def read_model_file(path: Path) -> tuple[dict[str, Any], dict[str, Array], dict[str, bytes]]:
    """Read what `write_model_file` wrote: fields, weights in float32, and blobs.

    Raises:
        ModelError: the file is missing, truncated, damaged, no captioner, or of another format.
    """
    try:
        fields, tensors, intact = unpack_tensors(read_regular(path), _KIND)
        version = fields["format_version"]
    except OSError as error:
        raise ModelError(f"cannot read the captioner {path}: {error.strerror}") from error
    except ForeignFileError as error:
        raise ModelError(
            f"{path} holds weights, but not a showtell captioner's; write one with Captioner.save"
        ) from error
    except (HeaderError, KeyError, TypeError) as error:
        raise _damaged(path, "its header cannot be read") from error
    except TensorFileError as error:
        raise ModelError(f"{path} is no captioner, or a truncated one: {error}") from error
    _check_version(path, version)
    if not intact:
        raise _damaged(path, "its checksum is not that of its contents")
    blobs = {name: tensor.tobytes() for name, tensor in tensors.items() if tensor.dtype == np.uint8}
    weights = {name: tensor.astype(np.float32) for name, tensor in tensors.items() if name not in blobs}
    for name, weight in weights.items():
        if not np.isfinite(weight).all():
            raise _damaged(path, f"{name} holds numbers that are not finite")
        if name.endswith("_scale") and not (weight > 0).all():
            raise _damaged(path, f"{name} holds numbers that are not above 0")
    return fields, weights, blobs


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(f"{path} is damaged: {why}; take a whole copy of it")


def _check_version(path: Path, version: object) -> None:
    if type(version) is not int:
        raise ModelError(f"{path} is damaged: its format is {version!r}, expected a number; take a whole copy of it")
    if version != FORMAT_VERSION:
        age = "a newer" if version > FORMAT_VERSION else "an older"
        raise ModelError(
            f"{path} was written by {age} showtell, format {version}; this one reads format {FORMAT_VERSION}: "
            "install the showtell that wrote it"
        )


def _half(name: str, array: Array) -> Array:
    """A weight in float16, or as it is where that would overflow, or make a scale 0.

    Raises:
        ModelError: it is not finite.
    """
    if not np.isfinite(array).all():
        raise ModelError(f"{name} holds numbers that are not finite; train anew, at a lower learning rate")
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    kept = np.isfinite(half).all() and (not name.endswith("_scale") or half.all())
    return half if kept else array.astype(np.float32)
