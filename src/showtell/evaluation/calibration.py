"""How well a captioner's confidence is calibrated, and how well it ranks captions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from showtell.captioning.confidence import Confidence
from showtell.errors import ShowtellError
from showtell.evaluation.table import Row
from showtell.nn.types import Array

_BINS = 10


@dataclass(frozen=True)
class Calibration:
    """How the confidence in N captions agrees with their scores.

    Attributes:
        acceptable: the share of acceptable captions.
        brier: the mean squared difference of confidence and outcome, 1 for an acceptable caption, else 0 (Brier 1950).
        constant_brier: that of the constant prediction `acceptable`, the baseline.
        error: the expected calibration error, in 10 bins of equal width: how far on average the mean confidence of a
            bin is from its share of acceptable captions (Naeini, Cooper & Hauskrecht 2015).
        curve: the mean CIDEr-D of the 1, 2, ..., N captions with the highest confidence, (N,); the risk-coverage curve
            of El-Yaniv & Wiener 2010, with a score for the risk. Captions of one confidence share their mean.
    """

    acceptable: float
    brier: float
    constant_brier: float
    error: float
    curve: Array

    @property
    def area(self) -> float:
        """The mean of the curve; for an uninformative confidence, the mean CIDEr-D of all captions."""
        return float(self.curve.mean())

    def at(self, coverage: float) -> float:
        """The mean CIDEr-D of this share of the captions, the most confident, in (0, 1]: at least one caption."""
        return float(self.curve[max(1, round(coverage * len(self.curve))) - 1])

    def rows(self) -> list[Row]:
        """The figures by name."""
        return [
            Row("acceptable", self.acceptable),
            Row("Brier", self.brier),
            Row("Brier, constant", self.constant_brier),
            Row("calibration error", self.error),
            Row("CIDEr-D, surest half", self.at(0.5)),
            Row("CIDEr-D, surest quarter", self.at(0.25)),
            Row("CIDEr-D, area", self.area),
        ]


def calibration(confidence: Array, cider_d: Array, threshold: float) -> Calibration:
    """Compare the confidence in captions with their scores.

    Args:
        confidence: in each of N captions, (N,), within [0, 1].
        cider_d: their scores, (N,).
        threshold: the CIDEr-D from which on a caption is acceptable.

    Raises:
        ShowtellError: there is no caption, or not a score for each.
    """
    if not len(confidence) or len(confidence) != len(cider_d):
        raise ShowtellError(
            f"calibration: there are {len(confidence)} captions with {len(cider_d)} scores, "
            "expected at least one, and a score for each"
        )
    outcome = (cider_d >= threshold).astype(np.float64)
    share = float(outcome.mean())
    place = np.minimum((confidence * _BINS).astype(np.intp), _BINS - 1)
    gaps = np.bincount(place, confidence - outcome, _BINS)

    _, group = np.unique(-confidence, return_inverse=True)
    shared = (np.bincount(group, cider_d) / np.bincount(group))[np.sort(group)]
    return Calibration(
        acceptable=share,
        brier=float(((confidence - outcome) ** 2).mean()),
        constant_brier=share * (1 - share),
        error=float(np.abs(gaps).sum() / len(confidence)),
        curve=np.cumsum(shared) / np.arange(1, len(shared) + 1),
    )


def cross_validated(features: Array, cider_d: Array, folds: int = 5, seed: int = 0) -> Array:
    """The confidence in each caption by cross-validation, fitted on other captions only, (N,).

    The captions are shuffled into folds; each fold is predicted by a fit on the others (Stone 1974).

    Args:
        features: of N captions, (N, F).
        cider_d: their scores, (N,).
        folds: how many, at least 2 and at most N.
        seed: of the shuffle.

    Raises:
        ShowtellError: there are not so many captions, or they cannot be learnt from.
    """
    if not 2 <= folds <= len(features):
        raise ShowtellError(f"cross_validated: folds is {folds}, expected 2 to {len(features)}, the number of captions")
    found = np.zeros(len(features))
    for fold in np.array_split(np.random.default_rng(seed).permutation(len(features)), folds):
        others = np.delete(np.arange(len(features)), fold)
        found[fold] = Confidence.fit(features[others], cider_d[others]).probability(features[fold])
    return found
