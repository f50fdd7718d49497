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
