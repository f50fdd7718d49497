"""Synthetic grids for text-only captions, assembled from the grids of training photos.

Of the missing photo, the captions and the objects are known. The grid is taken from the training photo with the most
similar captions and objects. The cells of objects that should not be there are replaced by other cells of the grid, and
cells of missing objects are copied from a photo that shows them. Class activation maps locate an object's cells. So the
decoder learns words, and which objects they go with, from captions without photos.

Related work: captions as a photo's objects alone (Yin & Ordonez 2017, Obj2Text, arXiv:1707.07102) and captions that are
learnt without paired photos (Feng et al. 2019, arXiv:1811.10787; Gu et al. 2019, arXiv:1903.10658); parts of
other photos pasted in (Yun et al. 2019, CutMix, arXiv:1905.04899).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from showtell.errors import ShowtellError
from showtell.metrics.object_words import coco_words
from showtell.nn.types import IntArray
from showtell.text.vocabulary import SPECIALS
from showtell.training.data import TrainingData
from showtell.training.object_head import object_head, object_targets, photos_with_objects

_NEIGHBOURS = 10
_BLOCK = 1024
# What the likeness of objects counts beside that of captions; a word in more than so many captions tells nothing
_OBJECTS_COUNT, _COMMON = 0.5, 0.3
# The share of neighbours' likeness: exp(likeness / temperature); and of a map's range above which a cell is an object's
_TEMPERATURE, _OWN = 0.05, 0.6


class SyntheticGrids:
    """Makes grids for the text-only captions of training data.

    Args:
        data: with texts, and with photos of which objects are known.
        rng: where the randomness of what is learnt for it comes from.

    Raises:
        ShowtellError: there are no texts, or of no photo the objects are known.
    """

    def __init__(self, data: TrainingData, rng: np.random.Generator) -> None:
        texts, train = data.texts, data.train
        if texts is None:
            raise ShowtellError("synthetic grids: there are no text-only captions")
        head = object_head(data, rng)
        if head is None:
            raise ShowtellError("synthetic grids: no training photo has known objects; set text_epochs to 0")
        names = head.names
        self._features, self._head = data.features, head
        head_rows, head_shown = photos_with_objects(data, names)
        # of photos whose objects nobody listed, those that people named
        words = coco_words()
        listed = [
            objects if objects is not None else sorted({name for said in captions for name in words.named(said)})
            for objects, captions in zip(train.objects, train.references, strict=True)
        ]
        self._rows, self._shown = train.rows, object_targets(listed, names)
        self._wanted = object_targets([objects or () for objects in texts.objects], names)
        donors = np.concatenate([train.rows, head_rows])
        shows = np.concatenate([self._shown, head_shown])
        self._donors = [donors[shows[:, number]] for number in range(len(names))]
        self._near, self._odds = self._neighbours(data)

    def draw(self, texts: IntArray, rng: np.random.Generator) -> NDArray[np.float32]:
        """A grid for each of some texts, float32 (N, P, F), drawn anew at each call."""
        return np.stack([self._one(text, rng) for text in texts])

    def _one(self, text: int, rng: np.random.Generator) -> NDArray[np.float32]:
        drawn = int((self._odds[text].cumsum() < rng.random()).sum())
        photo = self._near[text, min(drawn, self._near.shape[1] - 1)]
        grid: NDArray[np.float32] = self._features[self._rows[photo]].astype(np.float32)
        wanted, shown = self._wanted[text], self._shown[photo]
        for number in np.flatnonzero(shown & ~wanted):
            own = self._cells(grid, number)
            if not own.all():
                grid[own] = grid[rng.choice(np.flatnonzero(~own), own.sum())]
        for number in np.flatnonzero(wanted & ~shown):
            if len(donors := self._donors[number]):
                other = self._features[rng.choice(donors)].astype(np.float32)
                own = self._cells(other, number)
                grid[own] = other[own]
        return grid

    def _cells(self, grid: NDArray[np.float32], number: np.intp) -> NDArray[np.bool_]:
        """Which positions show an object most, (P,)."""
        activation = self._head.activation(grid, np.array([number]))[:, 0]
        low, high = activation.min(), activation.max()
        own: NDArray[np.bool_] = activation > low + _OWN * (high - low)
        return own

    def _neighbours(self, data: TrainingData) -> tuple[IntArray, NDArray[np.float32]]:
        """For each text the photos that are most like it, and the odds of each, (N, k) both."""
        texts, train = data.texts, data.train
        assert texts is not None
        size = len(data.vocabulary)
        everywhere = [*_bags(texts.captions, texts.photo), *_bags(train.captions, train.photo)]
        photos = np.bincount(np.concatenate(everywhere), minlength=size)
        rare = np.log(len(everywhere) / (photos + 1)).astype(np.float32)
        rare[photos > _COMMON * len(everywhere)] = 0
        of_texts, of_photos = everywhere[: len(texts.references)], everywhere[len(texts.references) :]
        seen = np.log(len(self._wanted) / (self._wanted.sum(axis=0) + 1)).astype(np.float32)
        said, shown = _unit(_table(of_photos, size) * rare), _unit(self._shown * seen)
        count = min(_NEIGHBOURS, len(of_photos))
        near = np.empty((len(of_texts), count), np.intp)
        odds = np.empty((len(of_texts), count), np.float32)
        for start in range(0, len(of_texts), _BLOCK):
            block = slice(start, start + _BLOCK)
            likeness = _unit(_table(of_texts[block], size) * rare) @ said.T
            likeness += _OBJECTS_COUNT * (_unit(self._wanted[block] * seen) @ shown.T)
            near[block] = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
            found = np.take_along_axis(likeness, near[block], axis=1)
            odds[block] = np.exp((found - found.max(axis=1, keepdims=True)) / _TEMPERATURE)
        return near, odds / odds.sum(axis=1, keepdims=True)


def _bags(captions: IntArray, photo: IntArray) -> list[IntArray]:
    """The different words of each photo's captions, specials left out."""
    starts = np.flatnonzero(np.diff(photo, prepend=-1))
    bags = (np.unique(of_photo) for of_photo in np.split(captions, starts[1:]))
    return [words[words >= len(SPECIALS)] for words in bags]


def _table(bags: Sequence[IntArray], size: int) -> NDArray[np.float32]:
    table = np.zeros((len(bags), size), np.float32)
    for row, words in zip(table, bags, strict=True):
        row[words] = 1
    return table


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1, (N, any); one of zeros stays."""
    unit: NDArray[np.float32] = (rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-6)).astype(np.float32)
    return unit
