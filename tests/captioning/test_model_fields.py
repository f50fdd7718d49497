from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from showtell.captioning.captioner import Captioner
from showtell.captioning.model_fields import check_fields
from showtell.captioning.model_file import SHIPPED, read_model_file, write_model_file
from showtell.captioning.object_head import ObjectHead
from showtell.errors import ModelError

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def rewritten(captioner: Captioner, tmp_path: Path) -> Callable[[Change], Path]:
    """A captioner's file in which a field was changed, with the checksum that belongs to it."""

    def write(change: Change) -> Path:
        captioner.save(tmp_path / "whole")
        fields, weights, blobs = read_model_file(tmp_path / "whole")
        change(fields)
        write_model_file(tmp_path / "other", fields, weights, blobs)
        return tmp_path / "other"

    return write


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f["decoder"].pop("heads"), "a decoder's settings are"),
        (lambda f: f["decoder"].update(heads=0), "DecoderConfig: heads is 0, expected at least 1"),
        (lambda f: f["decoder"].update(heads=3), "heads is 3, expected a divisor"),
        (lambda f: f["decoder"].update(hidden_dim=10**12), "has shape"),
        (
            lambda f: f["decoder"].update(cell="transformer"),
            "cell is 'transformer', expected one of",
        ),
        (lambda f: f["decoder"].update(layers=2), "a decoder's settings are"),
        (lambda f: f["search"].update(beam_width="3"), "search.beam_width is '3', expected int, got str"),
        (lambda f: f["search"].update(beam_width=True), "search.beam_width is True, expected int, got bool"),
        (lambda f: f["search"].update(beam_width=10**9), "search.beam_width is 1000000000, expected int <= 100"),
        (lambda f: f["search"].update(max_words=10**9), "search.max_words is 1000000000, expected int <= 1000"),
        (lambda f: f["search"].update(length_penalty=float("nan")), "search.length_penalty is nan, expected float"),
        (lambda f: f["search"].update(length_penalty=float("inf")), "search.length_penalty is inf, expected float"),
        (lambda f: f.update(about="a text"), "about is 'a text', expected object, got str"),
        (lambda f: f.update({"\ud800": 1}), "its header"),
        (lambda f: f.update(about={"terms": 3}), "about[...]: expected str, got int"),
        (lambda f: f.update(vocabulary=["a", 3]), "vocabulary[1] is 3, expected str, got int"),
        (lambda f: f.update(vocabulary=[*f["vocabulary"], "more"]), "they belong together"),
        (lambda f: f.update(encoder=None), "encoder is None, expected str, got null"),
        (lambda f: f.update(confidence={}), "confidence: object missing required field"),
        (lambda f: f.update(confidence={"threshold": 1, "acceptable": [1], "expected": [1, 2, 3]}), "3 numbers, got 1"),
        (lambda f: f.update(confidence=None), "confidence is None, expected object, got null"),
        (lambda f: f.update(objects=None), "objects is None, expected array, got null"),
        (lambda f: f.update(decoder=f["decoder"] | {"feature_dim": 10**12}), "has shape"),
        (lambda f: f.update(objects=3), "objects is 3, expected array"),
    ],
)
def test_a_field_that_is_not_right_is_named(rewritten, change: Change, message: str) -> None:
    with pytest.raises(ModelError, match=rf"^.*other is damaged: .*{re.escape(message)}.*; take a whole copy of it$"):
        Captioner.load(rewritten(change))


@pytest.mark.parametrize("lost", ["objects", "objects.W", "objects.b", "objects.W objects.b"])
def test_an_object_head_that_is_not_whole_is_damage(captioner: Captioner, tmp_path: Path, lost: str) -> None:
    captioner.objects = ObjectHead(("dog",), np.ones((1280, 1), np.float32), np.zeros(1, np.float32))
    captioner.save(tmp_path / "whole")
    assert Captioner.load(tmp_path / "whole").objects is not None
    fields, weights, blobs = read_model_file(tmp_path / "whole")
    for name in lost.split():
        (fields if name in fields else weights).pop(name)
    write_model_file(tmp_path / "other", fields, weights, blobs)
    with pytest.raises(ModelError, match=r"other is damaged: the object head is not whole.*; take a whole copy of it"):
        Captioner.load(tmp_path / "other")


def test_all_that_a_captioner_has_is_right(rewritten) -> None:
    Captioner.load(
        rewritten(lambda f: f.update(confidence={"threshold": 1, "acceptable": [1, 2, 3], "expected": [0, 0, 0]}))
    )


def test_what_could_not_be_read_is_not_written(captioner: Captioner, tmp_path: Path) -> None:
    captioner.beam_width = 1000
    with pytest.raises(ModelError, match=r"beam_width is 1000, expected int <= 100"):
        captioner.save(tmp_path / "file")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "number", "wrong"),
    [
        ("W_embed", np.inf, "not finite"),
        ("W_embed", np.nan, "not finite"),
        ("grid_scale", 0, "not above 0"),
        ("feature_scale", -1, "not above 0"),
    ],
)
def test_weights_that_cannot_be_used_are_damage(
    captioner: Captioner, tmp_path: Path, name: str, number: float, wrong: str
) -> None:
    captioner.save(tmp_path / "whole")
    fields, weights, blobs = read_model_file(tmp_path / "whole")
    weights[name].flat[5] = number
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("showtell.captioning.model_file._half", lambda name, array: array)
        write_model_file(tmp_path / "other", fields, weights, blobs)
    with pytest.raises(ModelError, match=rf"other is damaged: {name} holds numbers that are {wrong}; take"):
        Captioner.load(tmp_path / "other")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=r"model\.safetensors: is not a regular file"):
        Captioner.load(tmp_path / "model.safetensors")


def test_the_shipped_one_is_right() -> None:
    check_fields(read_model_file(SHIPPED)[0])
