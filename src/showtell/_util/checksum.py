"""A checksum over what a file of weights holds, so that one in which anything changed is never read as another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def checksum(fields: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> str:
    """The SHA-256 of a header's fields as JSON, and of all tensors in the order of their names, in hexadecimal."""
    digest = hashlib.sha256(json.dumps(fields).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].shape} ".encode())
        digest.update(tensors[name].tobytes())
    return digest.hexdigest()
