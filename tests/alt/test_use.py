from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conftest import PHOTOS
from showtell.alt import use as use_module
from showtell.alt.page import parse_page
from showtell.alt.source import Skipped, find_photo
from showtell.alt.use import Use, uses_of
from showtell.errors import PhotoError

SPACER = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site's folder with the photos `a.png` and `b.png`, and a picture of one pixel."""
    shutil.copy(PHOTOS / "chelsea.png", tmp_path / "a.png")
    shutil.copy(PHOTOS / "coffee.png", tmp_path / "b.png")
    shutil.copy(PHOTOS / "coffee.png", tmp_path / "wait.png")
    (tmp_path / "dot.gif").write_bytes(b"GIF89a\1\0\1\0\0\0\0!\xf9\4\1\n\0\1\0,\0\0\0\0\1\0\1\0\0\2\2L\1\0;")
    return tmp_path


def uses(site: Path, text: str, name: str = "page.html") -> list[Use]:
    return list(uses_of(parse_page(site / name, text.encode()), site))


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("<img src=a.png>", "a.png"),
        ("<img src=wait.png data-src=a.png>", "a.png"),
        ("<img src=dot.gif srcset='a.png 2x'>", "a.png"),
        ("<img src=gone.png srcset='gone-2.png 2x, a.png 3x'>", "a.png"),
        ("<img src=a.png srcset='gone.png 300w, https://example.com/a.png 600w'>", "a.png"),
        (f"<img src='{SPACER}' srcset='gone.png 300w, a.png 200w'>", "a.png"),
        ("<picture><source srcset=gone.avif><source srcset=a.png><img src=dot.gif></picture>", "a.png"),
    ],
)
def test_first_source_that_is_a_photo_is_used(site: Path, text: str, source: str) -> None:
    (use,) = uses(site, text)
    assert (use.source, use.photo) == (source, site / source)


@pytest.mark.parametrize(
    ("text", "source", "outcome"),
    [
        ("<img src=gone.png srcset='gone-2.png 2x'>", "gone.png", Path),
        ("<img src=a.png data-src=gone.png>", "gone.png", Path),  # not what is shown at first
        ("<img src=dot.gif>", "dot.gif", Skipped),
        ("<img src=../a.png srcset='gone.png 2x'>", "../a.png", PhotoError),
        ("<img src=a.png data-src='{{ b }}'>", "{{ b }}", Skipped),
        ("<img src=a.png {{ b }}>", "a.png", Skipped),
        ("<img>", "", Skipped),
    ],
)
def test_else_the_first_is_told(site: Path, text: str, source: str, outcome: type) -> None:
    (use,) = uses(site, text)
    assert use.source == source
    assert isinstance(use.photo, outcome)
    assert not isinstance(use.photo, Path) or use.photo == site / source


def test_a_source_is_looked_for_once_on_a_page(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: Counter[str] = Counter()

    def counted(source: str, *rest: Any) -> Any:
        looked[source] += 1
        return find_photo(source, *rest)

    monkeypatch.setattr(use_module, "find_photo", counted)
    assert len(uses(site, "![](a.png) ![](gone.png) <img src=a.png>" * 1000, "page.md")) == 3000
    assert looked == {"a.png": 1, "gone.png": 1}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_opened(site: Path) -> None:
    os.mkfifo(site / "pipe.jpg")
    first, second = uses(site, "<img src=pipe.jpg><img src=pipe.jpg srcset='a.png 2x'>")
    assert first.photo == site / "pipe.jpg"
    assert second.photo == site / "a.png"
