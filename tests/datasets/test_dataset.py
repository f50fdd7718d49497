from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from showtell.datasets import Dataset, Example, Problem, TextOnly

A = Example(Path("a.jpg"), ("a cat", "a grey cat"), "train")
B = Example(Path("b.jpg"), ("a dog",), "val")
C = Example(Path("c.jpg"), ("a cow",), "train")


def test_a_split_keeps_the_order_and_an_unknown_one_is_empty() -> None:
    dataset = Dataset("farm", (A, B, C), ())
    assert dataset.split("train") == (A, C)
    assert dataset.split("val") == (B,)
    assert dataset.split("test") == ()


def test_the_summary_counts_every_split_and_names_the_first_of_each_kind_of_problem() -> None:
    missing = tuple(Problem("missing photo", f"{i}.jpg", "there is no such file") for i in range(1234))
    dataset = Dataset("farm", (A, B, C), (*missing, Problem("no captions", "d.jpg", "nothing describes it")))
    assert dataset.summary().splitlines() == [
        "farm: 3 photos, 4 captions",
        "  train: 2 photos, 3 captions",
        "  val: 1 photos, 1 captions",
        "  missing photo: 1,234 (0.jpg, 1.jpg, 2.jpg, ...)",
        "  no captions: 1 (d.jpg)",
    ]


def test_the_summary_says_what_else_is_known() -> None:
    known = dataclasses.replace(A, objects=())
    silent = Example(Path("d.jpg"), (), "train", ("cat",))
    texts = (TextOnly(("a cat", "a dog"), ("cat",)), TextOnly(("a hen",), ()))
    assert Dataset("farm", (known, B), (), (silent,), texts).summary().splitlines()[3:] == [
        "  objects known: 1 photos",
        "  objects and no captions: 1 photos",
        "  captions of photos that are not there: 3 of 2",
    ]


def test_examples_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        A.split = "val"  # type: ignore[misc]
