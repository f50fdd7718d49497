"""A captioner's file: tensors in the safetensors format, and all else as JSON in its header.

The header's one entry of metadata, `showtell`, is `{"sha256": ..., "captioner": {"format_version": ..., ...}}`. The
checksum is of the fields and of all tensors, so that a file in which anything changed is never read as another one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from showtell._util.checksum import checksum
from showtell._util.files import read_regular, write_atomically
from showtell.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from showtell.nn.types import Array

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
    from safetensors.numpy import save

    tensors: dict[str, NDArray[Any]] = {name: _half(name, array) for name, array in weights.items()}
    tensors |= {name: np.frombuffer(blob, np.uint8) for name, blob in (blobs or {}).items()}
    fields = {"format_version": FORMAT_VERSION, **fields}
    # One entry of metadata: the library writes several in any order
    header = {"sha256": checksum(fields, tensors), "captioner": fields}
    write_atomically(path, save(tensors, {"showtell": json.dumps(header)}))


def read_model_file(path: Path) -> tuple[dict[str, Any], dict[str, Array], dict[str, bytes]]:
    """Read what `write_model_file` wrote: fields, weights in float32, and blobs.

    Raises:
        ModelError: the file is missing, truncated, damaged, no captioner, or of another format.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = read_regular(path)
    except OSError as error:
        raise ModelError(f"cannot read the captioner {path}: {error.strerror}") from error
    try:
        tensors = load(data)
        metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__") or {}
    except (SafetensorError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelError(f"{path} is no captioner, or a truncated one: {error}") from error
    if "showtell" not in metadata:
        raise ModelError(f"{path} holds weights, but not a showtell captioner's; write one with Captioner.save")
    try:
        header = json.loads(metadata["showtell"])
        fields: dict[str, Any] = header["captioner"]
        version, seal = fields["format_version"], header["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{path} is damaged: its header cannot be read; take a whole copy of it") from error
    _check_version(path, version)
    if seal != checksum(fields, tensors):
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
