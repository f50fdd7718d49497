"""The stages of a run: objective, number of epochs, learning rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from showtell.training.recipe import Recipe

Kind = Literal["captions", "tuning", "quantization", "scst"]


@dataclass(frozen=True)
class Stage:
    """Epochs that share an optimizer and a schedule of its rate.

    Attributes:
        kind: `captions`: their cross-entropy, the encoder frozen; `tuning`: the same, the encoder learning;
            `quantization`: that with the encoder rounded to integers; `scst`: self-critical
            sequence training, on the CIDEr-D of sampled captions.
        epochs: how many.
        rate: of Adam for the decoder, at its peak.
        encoder_rate: of Adam for the encoder, at its peak.
        text_epochs: the number of first epochs that include text-only captions.
    """

    kind: Kind
    epochs: int
    rate: float
    encoder_rate: float = 0.0
    text_epochs: int = 0

    @property
    def tunes(self) -> bool:
        """Whether the encoder is trained."""
        return self.kind in ("tuning", "quantization")


def stages(recipe: Recipe, *, texts: bool) -> tuple[Stage, ...]:
    """The stages of a recipe, in their order; `texts` says whether there are text-only captions."""
    text_epochs = recipe.text_epochs if texts else 0
    found = [Stage("captions", text_epochs + recipe.epochs, recipe.learning_rate, text_epochs=text_epochs)]
    if recipe.tune_encoder:
        found.append(Stage("tuning", recipe.tune_epochs, recipe.tune_decoder_rate, recipe.tune_rate))
        if recipe.quantize_epochs:
            rates = recipe.tune_decoder_rate / 3, recipe.tune_rate / 3
            found.append(Stage("quantization", recipe.quantize_epochs, *rates))
        found.append(Stage("captions", text_epochs + recipe.refine_epochs, recipe.refine_rate, text_epochs=text_epochs))
    if recipe.scst_epochs:
        found.append(Stage("scst", recipe.scst_epochs, recipe.scst_rate))
    return tuple(found)
