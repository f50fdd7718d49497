"""What may be chosen of a decoder's layers, by name."""

from __future__ import annotations

from typing import Literal, TypeAlias

Cell: TypeAlias = Literal["lstm", "gru", "rnn"]
"""The recurrent networks."""

GATES: dict[Cell, int] = {"lstm": 4, "gru": 3, "rnn": 1}
"""Of each network: blocks of H columns that its weights `Wx`, `Wh` and `b` have, a gate or the candidate each."""

Activation: TypeAlias = Literal["tanh", "relu"]
"""Of the vanilla network; the gated ones have their own."""

RecurrentInit: TypeAlias = Literal["orthogonal", "xavier", "identity"]
"""How hidden-to-hidden weights begin (see `showtell.nn.initialization.recurrent`)."""

Precision: TypeAlias = Literal["float32", "bf16"]
"""What products of float32 arrays multiply: the numbers as they are, or rounded to bfloat16 and summed in float32."""
