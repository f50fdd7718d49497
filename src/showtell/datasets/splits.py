"""Splits (train, val, test) and their common names."""

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
    """Return the canonical name of a split: `train`, `val` or `test`, in any case; other names are splits too."""
    name = name.strip().lower()
    return SPLITS.get(name, name)


def split_in_file_name(name: str) -> str | None:
    """Return the split in a file's name: `test` for `captions_test2017`, None for `captions_latest`."""
    words = re.findall(r"[^\W\d_]+", name.lower())
    return next((SPLITS[word] for word in words if word in SPLITS), None)


def split_of_folder(name: str) -> str | None:
    """Return the split that a folder is named after (`Train`, `val2017`), else None."""
    words = re.findall(r"[^\W\d_]+", name.lower())
    return SPLITS.get(words[0]) if len(words) == 1 else None
