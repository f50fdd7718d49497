from __future__ import annotations

from pathlib import Path

import pytest

from showtell.errors import ShowtellError
from showtell.training.recipe import Recipe

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*/*.toml"))


def test_toml_gives_the_recipe_back(tmp_path: Path) -> None:
    recipe = Recipe(cell="gru", dropout=0.25, epochs=3, seed=9)
    (tmp_path / "recipe.toml").write_text(recipe.to_toml())
    assert Recipe.read(tmp_path / "recipe.toml") == recipe
    assert Recipe.read(tmp_path / "recipe.toml", seed=1).seed == 1


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_here_are_sound(path: Path) -> None:
    assert Recipe.read(path).epochs > 0


def test_the_recipe_of_flickr8k_is_the_default() -> None:
    assert Recipe.read(next(path for path in RECIPES if path.parts[-2:] == ("flickr8k", "lstm.toml"))) == Recipe()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "transformer"}, "cell is 'transformer', expected one of 'lstm', 'gru', 'rnn'"),
        ({"dropuot": 0.1}, "there is no setting 'dropuot'"),
        ({"dropout": 1.0}, "dropout is 1.0, expected at least 0 and below 1"),
        ({"dropout": "much"}, "dropout is 'much', expected a number"),
        ({"epochs": 1.5}, "epochs is 1.5, expected a whole number"),
        ({"epochs": True}, "epochs is True, expected a whole number"),
        ({"epochs": 0}, "epochs is 0, expected at least 1"),
        ({"learning_rate": float("inf")}, "learning_rate is inf, expected a finite number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"seed": -1}, "seed is -1, expected at least 0"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ShowtellError, match=message):
        Recipe.from_mapping(settings)


def test_a_whole_number_will_do_for_a_number() -> None:
    assert isinstance(Recipe(dropout=0).dropout, float)  # type: ignore[arg-type]


def test_a_file_that_is_no_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(ShowtellError, match=r"cannot read .*missing\.toml"):
        Recipe.read(tmp_path / "missing.toml")
    (tmp_path / "bad.toml").write_text("cell = lstm")
    with pytest.raises(ShowtellError, match="is not TOML"):
        Recipe.read(tmp_path / "bad.toml")
