from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.errors import ShowtellError
from showtell.metrics import score

# Captions with the scores that COCO's evaluation gives them: see tests/make_golden_scores.py.
GOLDEN = json.loads((Path(__file__).parent / "golden" / "scores.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", GOLDEN)
def test_the_scores_are_those_of_coco_s_evaluation(name):
    case = dict(GOLDEN[name])
    scores = score(case.pop("candidates"), case.pop("references"))
    assert case.keys() == {"bleu", "bleu_per_photo", "rouge_l", "rouge_l_per_photo", "cider_d", "cider_d_per_photo"}
    for part, expected in case.items():
        np.testing.assert_allclose(getattr(scores, part), expected, rtol=0, atol=1e-12, err_msg=part)


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
    assert 0 <= scores.rouge_l <= 1
    assert scores.bleu_per_photo.shape == (len(photos), 4)
    assert scores.rouge_l_per_photo.shape == (len(photos),)
    assert scores.cider_d_per_photo.shape == (len(photos),)


def test_the_scores_of_other_sets_of_the_photos():
    case = GOLDEN["plain"]
    scores = score(case["candidates"], case["references"])
    times = np.random.default_rng(0).integers(0, 3, (5, len(case["candidates"]))).astype(float)
    found = scores.resampled(times)
    assert found.keys() == scores.named().keys()
    for place, row in enumerate(times):
        chosen = np.repeat(np.arange(len(row)), row.astype(int))
        expected = score([case["candidates"][i] for i in chosen], [case["references"][i] for i in chosen])
        for name in ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L"):
            assert found[name][place] == pytest.approx(expected.named()[name], rel=1e-12)
        assert found["CIDEr-D"][place] == pytest.approx(scores.cider_d_per_photo[chosen].mean(), rel=1e-12)
    whole = scores.resampled(np.ones((1, len(case["candidates"]))))
    assert {name: value for name, [value] in whole.items()} == pytest.approx(scores.named(), rel=1e-12)


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
def test_unscorable_captions_are_refused(captions, references, message):
    with pytest.raises(ShowtellError, match=message):
        score(captions, references)
