"""Files of tensors: the safetensors format, with fields as JSON in the header and a checksum over both.

The header's one entry of metadata, `showtell`, is `{"sha256": ..., KIND: fields}`. The checksum is of the fields and
of all tensors, so that a file in which anything changed is never read as another one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ENTRY = "showtell"


class TensorFileError(ValueError):
    """The bytes are no file of tensors, or not a whole one."""


class ForeignFileError(TensorFileError):
    """The file holds tensors, but none of showtell's, or of another kind."""


class HeaderError(TensorFileError):
    """What stands in the header for showtell cannot be read."""


class Contents(NamedTuple):
    """What a file of tensors holds; `intact` is false if its checksum is not that of the fields and the tensors."""

    fields: Any
    tensors: dict[str, NDArray[Any]]
    intact: bool


def pack_tensors(kind: str, fields: Any, tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of a file; the same content is the same bytes.

    Args:
        kind: what the file is, such as "captioner".
        fields: what JSON can hold.
        tensors: contiguous arrays by name.
    """
    from safetensors.numpy import save

    # One entry of metadata: the library writes several in any order
    header = {"sha256": _checksum(fields, tensors), kind: fields}
    return save(dict(tensors), {_ENTRY: json.dumps(header)})


def unpack_tensors(data: bytes, kind: str) -> Contents:
    """What the bytes of a file of this kind hold.

    Raises:
        TensorFileError: it is no such file; the subclass says why.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
        metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__") or {}
    except (SafetensorError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise TensorFileError(str(error)) from error
    if _ENTRY not in metadata:
        raise ForeignFileError(f"its header has no entry {_ENTRY!r}")
    try:
        header = json.loads(metadata[_ENTRY])
        if "sha256" in header and kind not in header:
            raise ForeignFileError(f"it is no {kind}")
        return Contents(header[kind], tensors, header["sha256"] == _checksum(header[kind], tensors))
    except (json.JSONDecodeError, KeyError, TypeError, RecursionError) as error:
        raise HeaderError("its header cannot be read") from error


def _checksum(fields: Any, tensors: Mapping[str, NDArray[Any]]) -> str:
    """The SHA-256 of the fields as JSON, and of all tensors in the order of their names, in hexadecimal."""
    digest = hashlib.sha256(json.dumps(fields).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].shape} ".encode())
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()
