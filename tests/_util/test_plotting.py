from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from PIL import Image

from showtell._util.plotting import LINES, SUFFIXES, new_figure, picture, save_figure
from showtell.errors import ShowtellError


def drawn(suffix: str) -> bytes:
    figure = new_figure(4, 2)
    axes = figure.subplots()
    for height, line in enumerate(LINES):
        axes.plot([0, 1], [height, height], **line)
    return picture(figure, suffix)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_figure_is_the_same_bytes(suffix: str) -> None:
    assert drawn(suffix) == drawn(suffix)


def test_a_picture_has_120_dots_an_inch() -> None:
    with Image.open(io.BytesIO(drawn(".png"))) as image:
        assert image.size == (480, 240)


def test_lines_differ_on_a_grey_print_too() -> None:
    assert len({(str(line["linestyle"]), line["marker"]) for line in LINES}) == len(LINES)


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")])
def test_a_file_s_name_says_what_it_is(tmp_path: Path, name: str, start: bytes) -> None:
    save_figure(new_figure(2, 2), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)
    with pytest.raises(ShowtellError, match=r"ends in \.png, \.svg, \.pdf"):
        save_figure(new_figure(2, 2), tmp_path / "a.gif")


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ShowtellError, match=r"showtell\[plot\]"):
        new_figure(2, 2)
