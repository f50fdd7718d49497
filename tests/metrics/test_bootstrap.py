from __future__ import annotations

import sys

import numpy as np
import pytest

from showtell.errors import ShowtellError
from showtell.metrics import bootstrap, interval, score

WORDS = [
    "a",
    "black",
    "brown",
    "dog",
    "cat",
    "runs",
    "sits",
    "jumps",
    "in",
    "the",
    "grass",
    "snow",
    "with",
    "red",
    "hat",
]


def run(seed, photos=200, length=6):
    """Scores of captions that share some words with their references."""
    rng = np.random.default_rng(seed)
    said = [list(rng.choice(WORDS, length)) for _ in range(photos)]
    references = np.random.default_rng(0)
    theirs = [
        [" ".join(word if references.random() < 0.6 else references.choice(WORDS) for word in words) for _ in range(3)]
        for words in said
    ]
    return score([" ".join(words) for words in said], theirs)


def test_bootstrap_spread_equals_the_standard_error():
    scores = run(1)
    [samples] = bootstrap(scores, resamples=2000)
    assert samples.keys() == scores.named().keys()
    for name, values in (("CIDEr-D", scores.cider_d_per_photo), ("ROUGE-L", scores.rouge_l_per_photo)):
        assert samples[name].shape == (2000,)
        assert samples[name].mean() == pytest.approx(values.mean(), rel=0.02)
        assert samples[name].std() == pytest.approx(values.std() / np.sqrt(len(values)), rel=0.1)
    for name, value in scores.named().items():
        low, high = interval(samples[name])
        assert low < value < high


def test_the_same_photos_are_drawn_for_every_run():
    scores = run(1)
    first, second = bootstrap(scores, scores)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_drawn_in_parts_as_drawn_at_once(monkeypatch):
    scores = run(1)
    [whole] = bootstrap(scores, resamples=50)
    monkeypatch.setattr(sys.modules["showtell.metrics.bootstrap"], "_AT_ONCE", 7 * 200)
    [parts] = bootstrap(scores, resamples=50)
    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, rtol=1e-12)


def test_one_photo_has_no_spread():
    [samples] = bootstrap(score(["a dog"], [["a dog", "a cat"]]))
    assert all(np.ptp(values) == 0 for values in samples.values())


def test_runs_of_different_photos_are_refused():
    with pytest.raises(ShowtellError, match="the runs have 200, 100 photos"):
        bootstrap(run(1), run(2, photos=100))


def test_an_interval():
    assert interval(np.arange(1001.0)) == (25, 975)
