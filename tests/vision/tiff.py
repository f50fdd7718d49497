"""TIFF files of any kind, also of those that Pillow does not write."""

from __future__ import annotations

import struct

import numpy as np


def tiff(samples: np.ndarray, *, bits: int, form: int = 1, photometric: int = 1, planes: int = 1) -> bytes:
    """An uncompressed picture of (H, W) samples, or (H, W, planes), in the byte order of their dtype.

    Args:
        samples: what is in the file, packed already if `bits` is not that of the dtype.
        bits: of a sample.
        form: 1 unsigned, 2 signed, 3 floating point.
        photometric: 0 WhiteIsZero, 1 BlackIsZero, 2 RGB.
        planes: samples of a pixel.
    """
    order = ">" if samples.dtype.byteorder == ">" else "<"
    data = samples.tobytes()
    height, width = samples.shape[0], samples.shape[1] * 8 * samples.dtype.itemsize // bits
    tags = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [bits] * planes),
        (259, 3, [1]),
        (262, 3, [photometric]),
        (273, 4, [0]),
        (277, 3, [planes]),
        (278, 4, [height]),
        (279, 4, [len(data)]),
        (339, 3, [form] * planes),
    ]
    start = 8 + 2 + 12 * len(tags) + 4
    behind, entries = b"", b""
    places = {}
    for number, kind, values in tags:
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            places[number] = packed
            packed = struct.pack(f"{order}I", start + len(behind))
            behind += places[number]
        entries += struct.pack(f"{order}HHI", number, kind, len(values)) + packed.ljust(4, b"\0")
    at = 12 * [number for number, _, _ in tags].index(273) + 8
    entries = entries[:at] + struct.pack(f"{order}I", start + len(behind)) + entries[at + 4 :]
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return b"".join(
        [mark, struct.pack(f"{order}I", 8), struct.pack(f"{order}H", len(tags)), entries, bytes(4), behind, data]
    )
