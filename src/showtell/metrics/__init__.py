"""How good captions are, in the numbers that papers report."""

from __future__ import annotations

from showtell.metrics.bleu import bleu
from showtell.metrics.cider import CiderD
from showtell.metrics.rouge import rouge_l
from showtell.metrics.scores import Scores, score

__all__ = ["CiderD", "Scores", "bleu", "rouge_l", "score"]
