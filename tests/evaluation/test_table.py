from __future__ import annotations

import numpy as np
import pytest

from showtell.evaluation.table import Row, as_json, as_text, differences, table
from showtell.metrics import diversity, score

REFERENCES = [
    [f"a {animal} runs in the grass", f"the {animal} is running"] for animal in ("dog", "cat", "horse", "cow")
]
GOOD = [references[0] for references in REFERENCES]
POOR = ["a dog runs", "a dog runs", "a dog runs", "a dog"]


def test_every_figure_and_the_intervals_of_scores():
    scores = score(POOR, REFERENCES)
    rows = table(scores, diversity(POOR, ["a dog"]), {"METEOR": 0.25})
    assert [row.name for row in rows] == [
        *("photos", "CIDEr-D", "BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "METEOR"),
        *("mean length", "vocabulary", "distinct-1", "distinct-2", "new captions"),
    ]
    values = {row.name: row.value for row in rows}
    assert (values["photos"], values["CIDEr-D"], values["METEOR"]) == (4, scores.cider_d, 0.25)
    assert {row.name for row in rows if row.interval} == scores.named().keys()
    for row in rows:
        assert row.interval is None or row.interval[0] <= row.value <= row.interval[1]
    assert rows == table(scores, diversity(POOR, ["a dog"]), {"METEOR": 0.25})


def test_as_json_and_as_text():
    rows = [Row("photos", 1234), Row("BLEU-1", 0.5, (0.25, 0.75))]
    assert as_json(rows) == {"photos": 1234, "BLEU-1": 0.5, "intervals": {"BLEU-1": [0.25, 0.75]}}
    assert as_text(rows) == ["photos     1,234", "BLEU-1    0.5000  0.2500 to 0.7500"]


def test_the_differences_of_two_sets():
    poor, good = score(POOR, REFERENCES), score(GOOD, REFERENCES)
    for found in differences(poor, good):
        assert (found.before, found.after) == (poor.named()[found.name], good.named()[found.name])
        assert found.interval[0] <= found.after - found.before <= found.interval[1]
        assert 0 < found.p <= 1
    back = {found.name: found for found in differences(good, poor)}
    for found in differences(poor, good):
        np.testing.assert_allclose(back[found.name].interval, [-found.interval[1], -found.interval[0]], rtol=1e-12)
        assert back[found.name].p == found.p


def test_no_difference():
    scores = score(GOOD, REFERENCES)
    for found in differences(scores, scores):
        assert found.interval == (0, 0)
        assert found.p == 1


def test_a_clear_difference_is_hardly_chance():
    references = REFERENCES * 10
    found = {row.name: row for row in differences(score(POOR * 10, references), score(GOOD * 10, references))}
    assert found["CIDEr-D"].p == pytest.approx(2 / 1001)
