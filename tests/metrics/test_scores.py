from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.errors import ShowtellError
from showtell.metrics import score

# Captions with the scores that COCO's evaluation gives them: see recipes/metrics/golden.py.
GOLDEN = json.loads((Path(__file__).parent / "golden" / "scores.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", GOLDEN)
def test_the_scores_are_those_of_coco_s_evaluation(name):
    case = GOLDEN[name]
    scores = score(case["candidates"], case["references"])
    np.testing.assert_allclose(scores.bleu, case["bleu"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(scores.bleu_per_photo, case["bleu_per_photo"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(scores.cider_d, case["cider_d"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(scores.cider_d_per_photo, case["cider_d_per_photo"], rtol=0, atol=1e-12)


def test_the_golden_scores_are_of_some_worth():
    assert GOLDEN["plain"]["bleu"][3] > 0.1
    assert (
        GOLDEN["degraded"]["cider_d"]
        < GOLDEN["plain"]["cider_d"]
        < GOLDEN["the first reference against all"]["cider_d"]
    )


def test_case_and_punctuation_do_not_count():
    references = [["a dog runs fast"], ["two cats sleep here"]]
    assert score(["A dog runs fast.", "Two cats sleep here!"], references).cider_d == pytest.approx(10)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.text(), st.lists(st.text(), min_size=1, max_size=3)), min_size=1, max_size=4))
def test_any_strings_can_be_scored(photos):
    scores = score([caption for caption, _ in photos], [references for _, references in photos])
    assert all(0 <= value <= 1 for value in scores.bleu)
    assert 0 <= scores.cider_d <= 10 + 1e-9
    assert scores.bleu_per_photo.shape == (len(photos), 4)
    assert scores.cider_d_per_photo.shape == (len(photos),)


@pytest.mark.parametrize(
    ("captions", "references", "message"),
    [
        ([], [], "no photo"),
        (["a"], [["a"], ["b"]], "1 candidates for 2 photos"),
        (["a"], [[]], "photo 0 has no reference"),
        ("a dog", [["a"]], "not a string"),
        (["a dog"], ["a dog"], "not a string"),
    ],
)
def test_what_cannot_be_scored_is_refused(captions, references, message):
    with pytest.raises(ShowtellError, match=message):
        score(captions, references)
