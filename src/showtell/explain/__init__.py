"""Explanations of captions: for each word, the attention map, the exact gradient, and the runners-up."""

from showtell.explain.explanation import Explanation, Step, explain
from showtell.explain.sheet import draw_sheet

__all__ = ["Explanation", "Step", "draw_sheet", "explain"]
