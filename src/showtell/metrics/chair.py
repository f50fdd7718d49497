"""CHAIR: the share of the objects mentioned in captions that are not in the photos.

Rohrbach et al. 2018, "Object Hallucination in Image Captioning". As there, a photo shows the objects of its labels and
those that its human captions mention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from showtell.errors import ShowtellError
from showtell.metrics.object_words import PERSON, coco_words


@dataclass(frozen=True)
class CaptionObjects:
    """Objects of a caption: one per mention; those of them that are hallucinated; and all that are present."""

    named: tuple[str, ...]
    hallucinated: tuple[str, ...]
    present: frozenset[str]


@dataclass(frozen=True)
class Chair:
    """What `chair` found for N captions, `per_photo`."""

    per_photo: tuple[CaptionObjects, ...]

    @property
    def instances(self) -> float:
        """CHAIRi: the share of mentioned objects that are not in the photo; 0 if none is mentioned."""
        return _share(
            sum(len(one.hallucinated) for one in self.per_photo), sum(len(one.named) for one in self.per_photo)
        )

    @property
    def sentences(self) -> float:
        """CHAIRs: the share of captions that mention an object that is not in the photo."""
        return _share(sum(bool(one.hallucinated) for one in self.per_photo), len(self.per_photo))

    @property
    def recall(self) -> float:
        """The share of the photos' objects that their captions mention."""
        recalled = sum(len(one.present & set(one.named)) for one in self.per_photo)
        return _share(recalled, sum(len(one.present) for one in self.per_photo))

    @property
    def people_hallucinated(self) -> float | None:
        """Of the photos without people, the share whose caption mentions one; None if all have people."""
        without = [one for one in self.per_photo if PERSON not in one.present]
        return _share(sum(PERSON in one.named for one in without), len(without)) if without else None

    def named(self) -> dict[str, float]:
        """The values by the names used in tables."""
        found = {"CHAIRi": self.instances, "CHAIRs": self.sentences, "objects recalled": self.recall}
        invented = self.people_hallucinated
        return found if invented is None else found | {"person named where there is none": invented}


def chair(
    captions: Sequence[str], objects: Sequence[Sequence[str]], references: Sequence[Sequence[str]] | None = None
) -> Chair:
    """Compare the objects that captions mention, of COCO's 80, with those that their photos show.

    Args:
        captions: one a photo.
        objects: the objects of each photo; names of other classes are ignored.
        references: human captions of each photo; objects that they mention count as present.

    Raises:
        ShowtellError: not as many lists of objects, or of references, as captions, or none at all.
    """
    lists = [objects] if references is None else [objects, references]
    if not captions or any(len(one) != len(captions) for one in lists):
        counts = " and ".join(str(len(one)) for one in lists)
        raise ShowtellError(f"chair: {len(captions)} captions, {counts} photos; expected as many, and at least one")
    words = coco_words()
    found = []
    for caption, labels, said in zip(captions, objects, references or [()] * len(captions), strict=True):
        there = {known for label in labels if (known := words.class_of(label))}
        there.update(name for reference in said for name in words.named(reference))
        named = tuple(words.named(caption))
        hallucinated = tuple(name for name in named if name not in there)
        found.append(CaptionObjects(named, hallucinated, frozenset(there)))
    return Chair(tuple(found))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
