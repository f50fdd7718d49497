from __future__ import annotations

from showtell.training.recipe import Recipe
from showtell.training.stage import Stage, stages

RECIPE = Recipe(epochs=4, scst_epochs=2, text_epochs=1)


def test_captions_stage_precedes_self_critical_stage() -> None:
    kinds = [(stage.kind, stage.epochs) for stage in stages(RECIPE, texts=False)]
    assert kinds == [("captions", 4), ("scst", 2)]


def test_captions_without_photos_come_first() -> None:
    first, *_ = stages(RECIPE, texts=True)
    assert first == Stage("captions", 5, RECIPE.learning_rate, text_epochs=1)


def test_a_tuned_encoder_is_quantized_and_the_decoder_refined() -> None:
    recipe = Recipe(tune_encoder=True, tune_epochs=3, quantize_epochs=2, refine_epochs=1)
    found = stages(recipe, texts=False)
    assert [(stage.kind, stage.epochs) for stage in found[1:4]] == [("tuning", 3), ("quantization", 2), ("captions", 1)]
    assert [stage.tunes for stage in found] == [False, True, True, False, False]
    assert found[2].encoder_rate == recipe.tune_rate / 3


def test_an_encoder_in_float32_is_not_quantized() -> None:
    found = stages(Recipe(tune_encoder=True, quantize_epochs=0, scst_epochs=0), texts=False)
    assert [stage.kind for stage in found] == ["captions", "tuning", "captions"]
