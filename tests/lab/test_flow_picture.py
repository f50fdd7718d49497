from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from showtell.errors import ShowtellError
from showtell.lab import flow_picture
from showtell.lab.flow import NETWORKS, Flow, measure


@pytest.fixture(scope="module")
def flows() -> list[Flow]:
    return [measure(network, steps=4, hidden=3) for network in NETWORKS]


@pytest.mark.slow
def test_a_picture_of_three_remedies(flows: list[Flow], tmp_path: Path) -> None:
    flow_picture.draw_flows(flows, tmp_path / "flow.png")
    with Image.open(tmp_path / "flow.png") as picture:
        assert picture.size == (1500, 792)
    flow_picture.draw_flows(flows, tmp_path / "flow.svg")
    drawn = (tmp_path / "flow.svg").read_text(encoding="utf-8")
    for said in ("steps back in time", "norm of the gradient, relative to that at the last step", "3  Gated cells"):
        assert f"<!-- {said} -->" in drawn
    assert drawn.count("<!-- tanh, orthogonal:  ") == 3


def test_another_kind_of_file(flows: list[Flow], tmp_path: Path) -> None:
    with pytest.raises(ShowtellError, match="PNG, SVG or PDF"):
        flow_picture.draw_flows(flows, tmp_path / "flow.jpg")
