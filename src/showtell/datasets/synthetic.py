"""Coloured shapes with exact captions: a data set drawn by code, to learn with, to test with.

There are 320 captions of 7 or 8 words, such as `a small red circle on a white background`, `three large blue stars on
a gray background` and `a black square inside a yellow triangle`. What they say is what the mean of the encoder's
grid still tells; it does not tell where a shape is, so no caption says `left of`.
"""

from __future__ import annotations

import csv
import io
import math
import os
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from showtell._util.files import write_atomically

if TYPE_CHECKING:
    from PIL.Image import Image

Colour: TypeAlias = tuple[int, int, int]

SIDE = 160
COLOURS: dict[str, Colour] = {
    "red": (235, 20, 20),
    "green": (20, 175, 45),
    "blue": (25, 60, 240),
    "yellow": (255, 230, 10),
}
BACKGROUNDS: dict[str, Colour] = {"white": (250, 250, 250), "gray": (128, 128, 128), "black": (12, 12, 12)}
# Corners in units of the radius, y downwards; a circle has none.
_CORNERS = {
    "circle": [],
    "square": [(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)],
    "triangle": [(0.0, -1.1), (1.05, 0.8), (-1.05, 0.8)],
    "star": [
        (radius * math.sin(angle), -radius * math.cos(angle))
        for angle, radius in ((k * math.pi / 5, (1.2, 0.5)[k % 2]) for k in range(10))
    ],
}
SHAPES = tuple(_CORNERS)
_EXTENT = 1.25
_RADII = {"small": (13, 15), "large": (24, 27)}
_OUTER_RADII = (54, 60)
_INNER_SHARE = 0.36
_SUPERSAMPLING = 2


@dataclass(frozen=True)
class Group:
    """One shape, or three equal ones, somewhere on a background."""

    count: int
    size: str
    colour: str
    shape: str
    background: str

    @property
    def caption(self) -> str:
        """The only caption that is right."""
        shapes = f"a {self.size} {self.colour} {self.shape}"
        if self.count == 3:
            shapes = f"three {self.size} {self.colour} {self.shape}s"
        return f"{shapes} on a {self.background} background"


@dataclass(frozen=True)
class Nested:
    """A white or black shape inside a large coloured one, on a gray background."""

    inner_colour: str
    inner: str
    colour: str
    shape: str

    @property
    def caption(self) -> str:
        """The only caption that is right."""
        return f"a {self.inner_colour} {self.inner} inside a {self.colour} {self.shape}"


SCENES: tuple[Group | Nested, ...] = (
    *(Group(*words) for words in product((1, 3), _RADII, COLOURS, SHAPES, BACKGROUNDS)),
    *(Nested(*words) for words in product(("white", "black"), SHAPES, COLOURS, SHAPES)),
)


def draw_shapes(folder: str | os.PathLike[str], count: int, rng: np.random.Generator) -> Path:
    """Draw `count` scenes into `folder`/images, write `captions.csv` (file, caption), and return its path.

    The scenes are drawn from `SCENES` at random, positions, exact sizes and shades too; the same `rng` gives the
    same files. `read_dataset` divides them into `train` and `val`.
    """
    images = Path(folder) / "images"
    images.mkdir(parents=True, exist_ok=True)
    rows = [("file", "caption")]
    for number in range(count):
        scene = SCENES[rng.integers(len(SCENES))]
        name = f"{number:05}.png"
        draw_scene(scene, rng).save(images / name)
        rows.append((name, scene.caption))
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(rows)
    write_atomically(Path(folder) / "captions.csv", table.getvalue())
    return Path(folder) / "captions.csv"


def draw_scene(scene: Group | Nested, rng: np.random.Generator) -> Image:
    """Return a drawing of a scene, `SIDE` x `SIDE` RGB; `rng` chooses what the caption does not say."""
    from PIL import Image

    background = BACKGROUNDS[scene.background if isinstance(scene, Group) else "gray"]
    shade = int(rng.integers(-4, 5))
    finer = Image.new("RGB", (SIDE * _SUPERSAMPLING, SIDE * _SUPERSAMPLING), tuple(np.add(background, shade).tolist()))
    if isinstance(scene, Group):
        radius = float(rng.uniform(*_RADII[scene.size]))
        colour = _shade(COLOURS[scene.colour], rng)
        for centre in _places(scene.count, radius, rng):
            _draw(finer, scene.shape, centre, radius, colour)
    else:
        radius = float(rng.uniform(*_OUTER_RADII))
        (centre,) = _places(1, radius, rng)
        _draw(finer, scene.shape, centre, radius, _shade(COLOURS[scene.colour], rng))
        _draw(finer, scene.inner, centre, radius * _INNER_SHARE, BACKGROUNDS[scene.inner_colour])
    return finer.reduce(_SUPERSAMPLING)


def _draw(image: Image, shape: str, centre: NDArray[np.float64], radius: float, colour: Colour) -> None:
    from PIL import ImageDraw

    corners = _CORNERS[shape] or [(-1.0, -1.0), (1.0, 1.0)]
    points = [tuple((centre + radius * np.array(corner)) * _SUPERSAMPLING) for corner in corners]
    pen = ImageDraw.Draw(image)
    if shape == "circle":
        pen.ellipse(points, fill=colour)
    else:
        pen.polygon(points, fill=colour)


def _places(count: int, radius: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return centres (count, 2) of shapes that lie inside the picture and do not touch one another."""
    while True:
        reach = radius * _EXTENT
        centres = rng.uniform(reach, SIDE - reach, (count, 2))
        apart = np.linalg.norm(centres[:, np.newaxis] - centres, axis=-1) + np.eye(count) * SIDE
        if apart.min() > 2 * reach:
            return centres


def _shade(colour: Colour, rng: np.random.Generator) -> Colour:
    red, green, blue = np.clip(np.add(colour, rng.integers(-6, 7, 3)), 0, 255).tolist()
    return red, green, blue
