"""CHAIR: how much of what captions name is not there.

Rohrbach et al. 2018, "Object Hallucination in Image Captioning". What a photo shows is, as there, what its labels say
and what the captions of people name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from showtell.errors import ShowtellError
from showtell.metrics.object_words import PERSON, coco_words


@dataclass(frozen=True)
class CaptionObjects:
    """The objects that a caption names, a mention each; those of them that are not there; and all that are there."""

    named: tuple[str, ...]
    hallucinated: tuple[str, ...]
    present: frozenset[str]


@dataclass(frozen=True)
class Chair:
    """What `chair` found for N captions, `per_photo`."""

    per_photo: tuple[CaptionObjects, ...]

    @property
    def instances(self) -> float:
        """CHAIRi: the share of mentions of objects that are not there; 0 where nothing is named."""
        return _share(
            sum(len(one.hallucinated) for one in self.per_photo), sum(len(one.named) for one in self.per_photo)
        )

    @property
    def sentences(self) -> float:
        """CHAIRs: the share of captions that name an object that is not there."""
        return _share(sum(bool(one.hallucinated) for one in self.per_photo), len(self.per_photo))

    @property
    def recall(self) -> float:
        """The share of all photos' objects that their captions name."""
        recalled = sum(len(one.present & set(one.named)) for one in self.per_photo)
        return _share(recalled, sum(len(one.present) for one in self.per_photo))

    @property
    def people_hallucinated(self) -> float | None:
        """The share of captions that name a person, of photos without one; None where all have one."""
        without = [one for one in self.per_photo if PERSON not in one.present]
        return _share(sum(PERSON in one.named for one in without), len(without)) if without else None

    def named(self) -> dict[str, float]:
        """The figures under the names that a table has for them."""
        found = {"CHAIRi": self.instances, "CHAIRs": self.sentences, "objects recalled": self.recall}
        invented = self.people_hallucinated
        return found if invented is None else found | {"person named where there is none": invented}


def chair(
    captions: Sequence[str], objects: Sequence[Sequence[str]], references: Sequence[Sequence[str]] | None = None
) -> Chair:
    """Hold the objects that captions name, COCO's 80, against those that their photos show.

    Args:
        captions: one a photo.
        objects: what each photo shows; names that mean none of the 80 are passed over.
        references: what people said about each photo; what that names is there too.

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
