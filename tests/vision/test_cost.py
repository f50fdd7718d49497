from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from showtell.errors import PhotoError
from showtell.vision import cost
from showtell.vision.cost import MAX_SCANS, decoded_bytes
from showtell.vision.photo import open_photo


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_scans(count: int, *, progressive: bool = True, before: bytes = b"", after: bytes = b"") -> bytes:
    """A grey JPEG of 8 x 8 pixels whose last scan comes so often that there are `count`."""
    data = encoded(Image.new("L", (8, 8), 90), "JPEG", progressive=progressive)
    last = data.rindex(b"\xff\xda")
    scan = data[last:-2]
    comments = b"".join(
        b"\xff\xfe" + struct.pack(">H", 2 + len(part)) + part
        for part in (before[start : start + 60_000] for start in range(0, len(before), 60_000))
    )
    more = count - data.count(b"\xff\xda")
    return data[:2] + comments + data[2:-2] + scan * more + b"\xff\xd9" + after


def test_a_jpeg_of_many_scans_is_refused() -> None:
    assert open_photo(with_scans(MAX_SCANS)).size == (8, 8)
    for progressive in (True, False):
        with pytest.raises(PhotoError, match="is a JPEG of more than 100 scans; save it again"):
            open_photo(with_scans(MAX_SCANS + 1, progressive=progressive))


def test_scans_in_what_is_not_the_photo_do_not_count() -> None:
    noise = b"\xff\xda" * 50_000  # two comments, and what follows the end, as a film behind a photo does
    assert open_photo(with_scans(MAX_SCANS, before=noise, after=noise)).size == (8, 8)
    with pytest.raises(PhotoError, match="more than 100 scans"):
        open_photo(with_scans(MAX_SCANS + 1, before=noise, after=noise))


@pytest.mark.parametrize("chunk", [1, 2, 3, 1000])
def test_a_scan_is_seen_wherever_it_is_read(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(cost, "_CHUNK", chunk)
    with pytest.raises(PhotoError, match="more than 100 scans"):
        open_photo(with_scans(MAX_SCANS + 1))


@pytest.mark.parametrize(
    ("image", "kind", "options", "each"),
    [
        (Image.new("RGB", (40, 30)), "PNG", {}, 4 + 4),
        (Image.new("RGBA", (40, 30)), "PNG", {}, 4 + 4 + 4),
        (Image.new("L", (40, 30)), "PNG", {}, 1 + 4),
        (Image.fromarray(np.zeros((30, 40), np.uint16)), "PNG", {}, 2 + 4),
        (Image.new("I", (40, 30)), "TIFF", {}, 4 + 4),
        (Image.new("F", (40, 30)), "TIFF", {}, 4 + 4),
        (Image.new("CMYK", (40, 30)), "TIFF", {}, 4 + 4),
        (Image.new("RGB", (40, 30)), "WEBP", {}, 4 + 4 + 8),
        (Image.new("RGB", (40, 30)), "JPEG", {}, 0),
        (Image.new("RGB", (40, 30)), "JPEG", {"progressive": True, "subsampling": "4:4:4"}, 2 * 3),
        (Image.new("RGB", (40, 30)), "JPEG", {"progressive": True, "subsampling": "4:2:0"}, 2 * 1.5),
    ],
)
def test_decoding_memory_estimate(
    monkeypatch: pytest.MonkeyPatch, image: Image.Image, kind: str, options: dict[str, object], each: float
) -> None:
    data = encoded(image, kind, **options)
    with Image.open(io.BytesIO(data)) as opened:
        assert decoded_bytes(opened) == 40 * 30 * each
    monkeypatch.setattr(cost, "MAX_DECODED_BYTES", 40 * 30 * each)
    assert open_photo(data).size == (40, 30)
    monkeypatch.setattr(cost, "MAX_DECODED_BYTES", 40 * 30 * each - 1)
    with pytest.raises(PhotoError, match=r"40 x 30 pixels of mode \S+, which take [\d,]+ bytes to decode, more than"):
        open_photo(data)


def test_insufficient_memory_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise MemoryError

    data = encoded(Image.new("RGB", (8, 8)), "PNG")
    for step in ("load", "convert"):
        with monkeypatch.context() as patch:
            patch.setattr(Image.Image, step, full)
            if step == "load":
                patch.setattr("PIL.ImageFile.ImageFile.load", full)
            with pytest.raises(PhotoError, match="takes more memory to decode than there is; save it smaller"):
                open_photo(data)


def test_admit_may_refuse_a_photo() -> None:
    sizes = []

    def admit(image: Image.Image) -> None:
        sizes.append(image.size)
        if image.width > 3000:
            raise PhotoError("too wide")

    assert open_photo(encoded(Image.new("RGB", (3000, 4000)), "JPEG"), admit=admit).size == (750, 1000)
    with pytest.raises(PhotoError, match="too wide"):
        open_photo(encoded(Image.new("RGB", (4000, 3000)), "JPEG"), admit=admit)
    assert sizes == [(3000, 4000), (4000, 3000)]  # as they are, not as they are decoded


@pytest.mark.parametrize("size", [(cost.MAX_SIDE + 1, 1), (1, cost.MAX_SIDE + 1)])
def test_a_side_without_end_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(PhotoError, match=r"a side longer than 262,144; save it smaller"):
        open_photo(encoded(Image.new("1", size), "PNG"))
    longest = tuple(min(side, cost.MAX_SIDE) for side in size)
    assert open_photo(encoded(Image.new("1", longest), "PNG")).size == longest
