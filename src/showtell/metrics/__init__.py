"""Scores of captions, as papers report them."""

from __future__ import annotations

from showtell.metrics.bleu import bleu
from showtell.metrics.bootstrap import bootstrap, interval
from showtell.metrics.chair import Chair, chair
from showtell.metrics.cider import CiderD
from showtell.metrics.diversity import Diversity, diversity
from showtell.metrics.java import meteor, spice
from showtell.metrics.rouge import rouge_l
from showtell.metrics.scores import Scores, score

__all__ = [
    "Chair",
    "CiderD",
    "Diversity",
    "Scores",
    "bleu",
    "bootstrap",
    "chair",
    "diversity",
    "interval",
    "meteor",
    "rouge_l",
    "score",
    "spice",
]
