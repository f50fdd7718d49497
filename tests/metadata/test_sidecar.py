from __future__ import annotations

from pathlib import Path

import pytest

from showtell.metadata.sidecar import other_sidecars_of, sidecar_of


@pytest.mark.parametrize(
    ("beside", "sidecar", "other"),
    [
        ([], "a.b.JPG.xmp", None),
        (["a.b.JPG.xmp"], "a.b.JPG.xmp", None),
        (["a.b.xmp"], "a.b.xmp", None),
        (["a.b.xmp", "a.b.JPG.xmp"], "a.b.JPG.xmp", "a.b.xmp"),
        (["a.b.xmp", "a.b.CR2"], "a.b.JPG.xmp", "a.b.xmp"),
        (["a.b.xmp", "a.b.png"], "a.b.JPG.xmp", "a.b.xmp"),
        (["a.b.xmp", "a.b.txt", "c.png"], "a.b.xmp", None),
        (["a.xmp"], "a.b.JPG.xmp", None),
        (["a.b.XMP"], "a.b.XMP", None),
        (["a.b.JPG.XMP"], "a.b.JPG.XMP", None),
        (["a.b.jpg.xmp"], "a.b.jpg.xmp", None),
        (["a.b.XMP", "a.b.JPG.xmp"], "a.b.JPG.xmp", "a.b.XMP"),
        (["a.b.xmp", "A.B.DCR"], "a.b.JPG.xmp", "a.b.xmp"),
        (["a.b.xmp", "a.b.psd"], "a.b.JPG.xmp", "a.b.xmp"),
        (["a.b.xmp", "a.b.jpg"], "a.b.JPG.xmp", "a.b.xmp"),
    ],
)
def test_which_file_it_is(tmp_path: Path, beside: list[str], sidecar: str, other: str | None) -> None:
    photo = tmp_path / "a.b.JPG"
    for name in (photo.name, *beside):
        (tmp_path / name).touch()
    assert sidecar_of(photo) == tmp_path / sidecar
    assert other_sidecars_of(photo) == ([tmp_path / other] if other else [])


def test_a_photo_without_a_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.xmp").touch()
    assert sidecar_of(tmp_path / "a") == tmp_path / "a.xmp"
    assert other_sidecars_of(tmp_path / "a") == []


def test_long_name_uses_adobes_sidecar(tmp_path: Path) -> None:
    photo = tmp_path / ("n" * 251 + ".jpg")
    photo.touch()
    assert sidecar_of(photo) == photo.with_suffix(".xmp")
    photo.with_suffix(".cr2").touch()
    assert len(sidecar_of(photo).name) == 259
