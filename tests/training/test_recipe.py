from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from showtell.errors import ShowtellError
from showtell.training.recipe import SETTINGS, Recipe

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
        ({"dropout": 1.0}, "dropout is 1.0, expected a number, at least 0 and below 1"),
        ({"dropout": "much"}, "dropout is 'much', expected a number"),
        ({"epochs": 1.5}, "epochs is 1.5, expected a whole number"),
        ({"epochs": True}, "epochs is True, expected a whole number"),
        ({"epochs": 0}, "epochs is 0, expected a whole number, at least 1 and at most 10,000"),
        ({"learning_rate": float("inf")}, "learning_rate is inf, expected a number, above 0 and at most 10"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"learning_rate": 10**400}, r"learning_rate is 1(0){59}\.\.\., expected a number"),
        ({"seed": -1}, "seed is -1, expected a whole number, at least 0"),
        ({"tune_encoder": 1}, "tune_encoder is 1, expected true or false"),
        ({"cell": ["lstm"]}, r"cell is \['lstm'\], expected one of 'lstm'"),
        ({"hidden_dim": 200_000}, "hidden_dim is 200000, expected a whole number, at least 1 and at most 4,096"),
        ({"heads": 3}, "heads is 3, expected a divisor of attention_dim, 512"),
        ({"a" * 100: 1}, f"there is no setting '{'a' * 59}\\.\\.\\.; there are cell, "),
    ],
)
def test_a_setting_that_does_not_fit_is_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ShowtellError, match=f"recipe: {message}"):
        Recipe.from_mapping(settings)


def test_a_recipe_is_checked_however_it_is_made() -> None:
    with pytest.raises(ShowtellError, match="epochs is 0"):
        Recipe(epochs=0)
    with pytest.raises(ShowtellError, match="heads is 7, expected a divisor"):
        structs.replace(Recipe(), heads=7)


def test_heads_that_do_not_fit_are_named_with_the_file_that_has_them(tmp_path: Path) -> None:
    path = tmp_path / "odd.toml"
    path.write_text("attention_dim = 4\n")
    with pytest.raises(ShowtellError, match=r"odd\.toml: heads is 8, expected a divisor of attention_dim, 4"):
        Recipe.read(path)
    assert Recipe.read(path, heads=2).heads == 2
    with pytest.raises(ShowtellError, match=r"^recipe: heads is 3, expected a divisor of attention_dim, 4"):
        Recipe.read(path, heads=3)


@given(st.data())
def test_a_value_of_another_type_or_beyond_its_bounds_is_refused(data: st.DataObject) -> None:
    setting = data.draw(st.sampled_from(list(SETTINGS.values())))
    wrong = st.none() | st.lists(st.integers(), max_size=1) | st.text(max_size=3) | st.just(float("nan"))
    wrong |= st.integers(max_value=-101) | st.integers(min_value=2**32)
    with pytest.raises(ShowtellError, match=f"recipe: {setting.name} is .*, expected {re.escape(setting.expected)}"):
        Recipe.from_mapping({setting.name: data.draw(wrong)})


def test_every_setting_is_told_of_once_and_everywhere() -> None:
    assert list(SETTINGS) == list(Recipe.__struct_fields__)
    for name, setting in SETTINGS.items():
        assert getattr(Recipe(), name) == setting.default
        assert setting.description.endswith(".")
        assert f"        {name}: {setting.description} " in (Recipe.__doc__ or "")


def test_a_whole_number_will_do_for_a_number() -> None:
    assert isinstance(Recipe(dropout=0).dropout, float)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"cell = lstm", "is not TOML"),
        (b"cell = '\xff'", "is not TOML"),
        (b"epochs = " + b"[\n" * 5000, "is not TOML that can be read: it is nested too deep"),
        (b"learning_rate = " + b"9" * 400, r"recipe\.toml: learning_rate is 9{60}\.\.\., expected a number, above 0"),
        (b".".join([b"a"] * 8000) + b" = 1", "recipe.toml is no recipe: it has a line of more than 500 characters"),
        (b"# a comment\n" * 2000, "is larger than 16 KiB"),
        (b"[model]\nepochs = 1", r"recipe\.toml: there is no setting 'model'"),
        (b"epochs = 0", r"recipe\.toml: epochs is 0, expected a whole number"),
    ],
)
def test_a_file_that_is_no_recipe_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "recipe.toml").write_bytes(data)
    with pytest.raises(ShowtellError, match=message) as caught:
        Recipe.read(tmp_path / "recipe.toml")
    assert "recipe.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_change_that_does_not_fit_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("epochs = 2")
    with pytest.raises(ShowtellError, match=r"^recipe: epochs is 0"):
        Recipe.read(tmp_path / "recipe.toml", epochs=0)


def test_a_byte_order_mark_is_no_part_of_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("epochs = 2\n", encoding="utf-8-sig")
    assert Recipe.read(tmp_path / "recipe.toml") == Recipe(epochs=2)


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(ShowtellError, match=r"cannot read .*missing\.toml"):
        Recipe.read(tmp_path / "missing.toml")
    with pytest.raises(ShowtellError, match="is a folder"):
        Recipe.read(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "recipe.toml")
    with pytest.raises(ShowtellError, match="is not a regular file"):
        Recipe.read(tmp_path / "recipe.toml")
