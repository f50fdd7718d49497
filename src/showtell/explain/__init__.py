"""Why a caption says what it says: of each word where the decoder looked, the exact gradient, what came close."""

from showtell.explain.explanation import Explanation, Step, explain
from showtell.explain.sheet import draw_sheet

__all__ = ["Explanation", "Step", "draw_sheet", "explain"]
