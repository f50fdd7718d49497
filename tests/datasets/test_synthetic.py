from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from showtell.datasets import read_dataset
from showtell.datasets.synthetic import BACKGROUNDS, COLOURS, SCENES, SHAPES, Group, Nested, draw_scene, draw_shapes

# Areas of shapes of radius 1.
AREAS = {"circle": math.pi, "square": 1.76**2, "triangle": 2.1 * 1.9 / 2, "star": 5 * 1.2 * 0.5 * math.sin(math.pi / 5)}
RADII = {"small": (13, 15), "large": (24, 27)}
PALETTE = BACKGROUNDS | COLOURS


def read_colours(image: Image.Image) -> np.ndarray:
    """Return the index in `PALETTE` of the colour nearest to every second pixel of every second row."""
    pixels = np.asarray(image, np.int32)[::2, ::2]
    return np.argmin([((pixels - colour) ** 2).sum(-1) for colour in PALETTE.values()], axis=0)


def grown(mask: np.ndarray) -> np.ndarray:
    """Return a mask with the pixels beside its own."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown


def parts_of(mask: np.ndarray) -> list[np.ndarray]:
    """Return the connected parts of a mask, without the thin ones that antialiasing leaves along edges."""
    seeds, parts = ~grown(grown(~mask)), []
    while seeds.any():
        part = np.zeros_like(mask)
        part.flat[seeds.argmax()] = True
        while (larger := grown(part) & mask).sum() > part.sum():
            part = larger
        seeds &= ~part
        parts.append(part)
    return parts


def has_area(part: np.ndarray, shape: str, low: float, high: float) -> bool:
    return AREAS[shape] * low**2 * 0.85 <= part.sum() * 4 <= AREAS[shape] * high**2 * 1.15


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
            parts = parts_of(seen == names.index(scene.colour))
            assert len(parts) == scene.count
            assert all(has_area(part, shape, *RADII[scene.size]) for part in parts)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_nested_scene_is_drawn_as_its_caption_says(shape) -> None:
    rng = np.random.default_rng(2)
    names = list(PALETTE)
    for scene in SCENES:
        if isinstance(scene, Nested) and scene.shape == shape:
            seen = read_colours(draw_scene(scene, rng))
            (inner,) = parts_of(seen == names.index(scene.inner_colour))
            assert has_area(inner, scene.inner, 0.36 * 54, 0.36 * 60)
            (background,) = parts_of(seen == names.index("gray"))
            assert has_area(~background, shape, 54, 60)
            assert not (grown(inner) & background).any()


def test_the_same_generator_draws_the_same_files(tmp_path) -> None:
    def files(seed: int, name: str) -> dict[str, bytes]:
        folder = tmp_path / name
        draw_shapes(folder, 5, np.random.default_rng(seed))
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}

    assert files(3, "a") == files(3, "b")
    assert files(3, "a") != files(4, "c")
    assert set(files(3, "a")) == {"captions.csv", *(f"images/0000{i}.png" for i in range(5))}


def test_drawings_are_a_data_set_without_problems(tmp_path) -> None:
    path = draw_shapes(tmp_path, 40, np.random.default_rng(5))
    assert path == Path(tmp_path / "captions.csv")
    dataset = read_dataset(path)
    assert len(dataset.examples) == 40
    assert dataset.problems == ()
    assert len(dataset.split("train")) > len(dataset.split("val")) > 0
    assert {caption for example in dataset.examples for caption in example.captions} <= {s.caption for s in SCENES}
