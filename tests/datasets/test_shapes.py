from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from showtell.datasets import read_dataset
from showtell.datasets.shapes import BACKGROUNDS, COLOURS, SCENES, SHAPES, Group, Nested, draw_scene, draw_shapes

# Areas of shapes of radius 1.
AREAS = {"circle": math.pi, "square": 1.76**2, "triangle": 2.1 * 1.9 / 2, "star": 5 * 1.2 * 0.5 * math.sin(math.pi / 5)}
RADII = {"small": (13, 15), "large": (24, 27)}
PALETTE = BACKGROUNDS | COLOURS


def read_colours(image: Image.Image) -> np.ndarray:
    """Return the index in `PALETTE` of the colour nearest to each pixel."""
    distances = np.asarray(image, np.float64)[:, :, np.newaxis] - np.array(list(PALETTE.values()))
    return (distances**2).sum(-1).argmin(-1)


def areas_of(mask: np.ndarray) -> list[int]:
    """Return the number of pixels of each connected part of a mask, specks of the antialiasing left out."""
    image = Image.fromarray(mask.astype(np.uint8))
    areas = []
    while (left := np.asarray(image)).any():
        row, column = np.argwhere(left)[0]
        ImageDraw.floodfill(image, (int(column), int(row)), 0)
        areas.append(int(left.sum() - np.asarray(image).sum()))
    return [area for area in areas if area > 20]


def is_area(area: int, shape: str, low: float, high: float) -> bool:
    return AREAS[shape] * low**2 * 0.85 <= area <= AREAS[shape] * high**2 * 1.15


def test_there_are_320_captions_of_7_and_8_words() -> None:
    captions = {scene.caption for scene in SCENES}
    assert len(captions) == len(SCENES) == 320
    assert {len(caption.split()) for caption in captions} == {7, 8}
    assert Group(1, "small", "red", "circle", "white").caption == "a small red circle on a white background"
    assert Group(3, "large", "blue", "star", "gray").caption == "three large blue stars on a gray background"
    assert Nested("black", "square", "yellow", "triangle").caption == "a black square inside a yellow triangle"


@pytest.mark.parametrize("shape", SHAPES)
def test_every_group_is_drawn_as_its_caption_says(shape) -> None:
    rng = np.random.default_rng(1)
    for scene in SCENES:
        if isinstance(scene, Group) and scene.shape == shape:
            seen = read_colours(draw_scene(scene, rng))
            names = list(PALETTE)
            border = np.concatenate([seen[0], seen[-1], seen[:, 0], seen[:, -1]])
            assert (border == names.index(scene.background)).all()
            areas = areas_of(seen == names.index(scene.colour))
            assert len(areas) == scene.count
            assert all(is_area(area, shape, *RADII[scene.size]) for area in areas)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_nested_scene_is_drawn_as_its_caption_says(shape) -> None:
    rng = np.random.default_rng(2)
    names = list(PALETTE)
    for scene in SCENES:
        if isinstance(scene, Nested) and scene.shape == shape:
            seen = read_colours(draw_scene(scene, rng))
            (inner,) = areas_of(seen == names.index(scene.inner_colour))
            assert is_area(inner, scene.inner, 0.36 * 54, 0.36 * 60)
            whole = seen != names.index("gray")
            assert is_area(max(areas_of(whole)), shape, 54, 60)
            # The inner shape touches the outer one alone: without it the background stays in one piece.
            assert len(areas_of(~whole)) == 1


def test_the_same_generator_draws_the_same_files(tmp_path) -> None:
    def files(seed: int, name: str) -> dict[str, bytes]:
        folder = tmp_path / name
        draw_shapes(folder, 5, np.random.default_rng(seed))
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}

    assert files(3, "a") == files(3, "b")
    assert files(3, "a") != files(4, "c")
    assert set(files(3, "a")) == {"captions.csv", *(f"images/0000{i}.png" for i in range(5))}


def test_what_is_drawn_is_a_data_set_without_problems(tmp_path) -> None:
    path = draw_shapes(tmp_path, 40, np.random.default_rng(5))
    assert path == Path(tmp_path / "captions.csv")
    dataset = read_dataset(path)
    assert len(dataset.examples) == 40
    assert dataset.problems == ()
    assert len(dataset.split("train")) > len(dataset.split("val")) > 0
    assert {caption for example in dataset.examples for caption in example.captions} <= {s.caption for s in SCENES}
