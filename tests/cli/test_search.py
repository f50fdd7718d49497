from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from showtell.captioning.captioner import Captioner
from showtell.captioning.likelihood import sentence_log_probs

PHOTOS = Path(__file__).parents[1] / "photos"


def test_best_photos_come_first(showtell, model: Path, captioner: Captioner, drawn: Path, stored: Path) -> None:
    sentence = captioner.vocabulary.decode([4, 5])
    words = ["search", sentence, drawn / "images", "--model", model, "--features", stored, "--top", 7, "--quiet"]
    found = [json.loads(line) for line in showtell(*words, "--json").out.splitlines()]
    assert len({entry["path"] for entry in found}) == 7
    scores = [entry["log_prob"] for entry in found]
    assert scores == sorted(scores, reverse=True)
    photos = sorted((drawn / "images").iterdir())
    expected = sentence_log_probs(captioner, [sentence], captioner.encode(photos))[0]
    np.testing.assert_allclose(scores, np.sort(expected)[::-1][:7], rtol=2e-2)
    lines = showtell(*words).out.splitlines()
    assert [line.split()[1] for line in lines] == [entry["path"] for entry in found]


def test_photos_are_ranked_in_blocks(
    showtell, model: Path, captioner: Captioner, drawn: Path, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["search", captioner.vocabulary.decode([4]), drawn / "images", "--model", model, "--features", stored]
    whole = showtell(*words, "--quiet", "--json").out
    monkeypatch.setattr("showtell.cli.search._BLOCK", 7)
    found = [json.loads(line) for line in showtell(*words, "--quiet", "--json").out.splitlines()]
    for ours, theirs in zip(found, map(json.loads, whole.splitlines()), strict=True):
        assert ours["log_prob"] == pytest.approx(theirs["log_prob"], rel=1e-2)


def test_broken_photo_is_reported_and_the_others_are_ranked(
    showtell, model: Path, captioner: Captioner, drawn: Path, stored: Path, tmp_path: Path
) -> None:
    shutil.copy(drawn / "images" / "00000.png", tmp_path / "whole.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    sentence = captioner.vocabulary.decode([4]) + " quux"
    run = showtell("search", sentence, tmp_path, "--model", model, "--features", stored)
    assert run.status == 1
    assert run.out.split()[1] == str(tmp_path / "whole.png")
    assert "broken.png" in run.err
    assert "does not know every word" in run.err


def test_bundled_captioner_finds_the_sheep(showtell, tmp_path: Path) -> None:
    run = showtell("search", "a herd of sheep in a field", PHOTOS, "--features", tmp_path, "--top", 1, "--quiet")
    assert "march-pastoral" in run.out
