"""The parts that photos are learnt from and judged by, and what people call them."""

from __future__ import annotations

import re

SPLITS = {
    "train": "train",
    "training": "train",
    "restval": "train",
    "valminusminival": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "minival": "val",
    "test": "test",
    "testing": "test",
}


def canonical_split(name: str) -> str:
    """Return the split that a name means: `train`, `val` or `test`, in any capitals; any other name is a split too."""
    name = name.strip().lower()
    return SPLITS.get(name, name)


def split_in_file_name(name: str) -> str | None:
    """Return the split of which a file's name speaks: `captions_test2017` is of `test`, `captions_latest` of none."""
    words = re.findall(r"[^\W\d_]+", name.lower())
    return next((SPLITS[word] for word in words if word in SPLITS), None)


def split_of_folder(name: str) -> str | None:
    """Return the split that a folder's name is: `Train`, `val2017`; none if it says anything else."""
    words = re.findall(r"[^\W\d_]+", name.lower())
    return SPLITS.get(words[0]) if len(words) == 1 else None
