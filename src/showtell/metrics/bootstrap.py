"""Bootstrap intervals: how far a score depends on the choice of photos."""

from __future__ import annotations

import numpy as np

from showtell.errors import ShowtellError
from showtell.metrics.ngrams import Floats
from showtell.metrics.scores import Scores

_AT_ONCE = 1 << 20  # photos drawn at once: 8 MB


def bootstrap(*runs: Scores, resamples: int = 1000, seed: int = 0) -> list[dict[str, Floats]]:
    """The scores of sets of photos drawn with replacement, as many as there are, from those that were scored.

    Efron & Tibshirani 1993, "An Introduction to the Bootstrap"; of BLEU the corpus' counts are drawn (Koehn 2004,
    "Statistical Significance Tests for Machine Translation Evaluation"), a photo keeps its CIDEr-D and ROUGE-L.

    Args:
        runs: the scores of one or more sets of captions for the same photos; the same photos are drawn for all, so
            that the differences of what is returned are those of a paired bootstrap.
        resamples: how many sets, R.
        seed: of the draws.

    Returns:
        For each run its scores by name, as `Scores.named` has them, float64 `(R,)`.

    Raises:
        ShowtellError: the runs have different numbers of photos.
    """
    photos = len(runs[0].cider_d_per_photo)
    if any(len(run.cider_d_per_photo) != photos for run in runs):
        counts = ", ".join(str(len(run.cider_d_per_photo)) for run in runs)
        raise ShowtellError(f"bootstrap: the runs have {counts} photos, expected scores for the same photos")
    rng = np.random.default_rng(seed)
    parts: list[list[dict[str, Floats]]] = [[] for _ in runs]
    sets_at_once = max(1, _AT_ONCE // photos)
    for start in range(0, resamples, sets_at_once):
        sets = min(sets_at_once, resamples - start)
        drawn = rng.integers(photos, size=(sets, photos)) + photos * np.arange(sets)[:, None]
        times = np.bincount(drawn.ravel(), minlength=sets * photos).reshape(sets, photos).astype(np.float64)
        for run, found in zip(runs, parts, strict=True):
            found.append(run.resampled(times))
    return [{name: np.concatenate([part[name] for part in found]) for name in found[0]} for found in parts]


def interval(samples: Floats) -> tuple[float, float]:
    """The 95 % interval of bootstrapped values: their 2.5th and 97.5th percentile."""
    low, high = np.percentile(samples, [2.5, 97.5]).tolist()
    return low, high
