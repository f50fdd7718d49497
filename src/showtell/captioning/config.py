"""What a decoder is: its sizes, and which of the recurrent networks it has."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

from showtell.errors import ShowtellError
from showtell.nn.choices import Activation, Cell
from showtell.nn.functional.activations import check_activation
from showtell.nn.functional.attention import check_heads
from showtell.nn.functional.checks import check_integer


@dataclass(frozen=True)
class DecoderConfig:
    """A decoder without its weights.

    Attributes:
        vocab_size: V, specials included.
        feature_dim: F, width of a photo's features.
        embed_dim: E, width of a word's vector, and of the image input beside it.
        hidden_dim: H, width of the state.
        attention_dim: A, width of queries, keys and values; 0 for a decoder that sees the mean of the grid alone.
        heads: parts that the queries are cut into.
        cell: `"lstm"`, `"gru"` or `"rnn"`.
        activation: of the vanilla network, `"tanh"` or `"relu"`; the gated cells have their own.

    Raises:
        ShowtellError: a size is no integer or below 1 (`attention_dim`: 0), there is no such cell or activation, or the
            heads do not divide `attention_dim`.
    """

    vocab_size: int
    feature_dim: int
    embed_dim: int
    hidden_dim: int
    attention_dim: int = 0
    heads: int = 1
    cell: Cell = "lstm"
    activation: Activation = "tanh"

    def __post_init__(self) -> None:
        least = {"vocab_size": 1, "feature_dim": 1, "embed_dim": 1, "hidden_dim": 1, "attention_dim": 0, "heads": 1}
        for name, bound in least.items():
            value = getattr(self, name)
            if check_integer("DecoderConfig", name, value) < bound:
                raise ShowtellError(f"DecoderConfig: {name} is {value}, expected at least {bound}")
        if self.cell not in get_args(Cell):
            raise ShowtellError(f"cell is {self.cell!r:.60}, expected one of {', '.join(map(repr, get_args(Cell)))}")
        check_activation(self.activation)
        if self.attention_dim:
            check_heads("DecoderConfig", self.heads, self.attention_dim)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> DecoderConfig:
        """The config of which `settings` came, by `to_dict`.

        Raises:
            ShowtellError: a setting is missing, is one too many, or has a value that it cannot have.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(settings, dict) or settings.keys() != set(names):
            given = sorted(settings) if isinstance(settings, dict) else settings
            raise ShowtellError(f"a decoder's settings are {given!r:.200}, expected {', '.join(names)}")
        return cls(**settings)
