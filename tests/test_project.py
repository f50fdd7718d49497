"""What several files of the project say, they say alike."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import showtell

ROOT = Path(__file__).parents[1]


def test_the_version_is_said_in_one_place_and_cited() -> None:
    (cited,) = re.findall(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert cited == showtell.__version__
    assert "version" in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dynamic"]


def test_the_changelog_has_what_is_to_come_then_a_date_for_each_version() -> None:
    first, *versions = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first == "Unreleased" or first.startswith(showtell.__version__)
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", version) for version in versions)
    assert any(version.startswith(f"{showtell.__version__} ") for version in [first, *versions])


def test_tables_of_pages_are_not_torn_apart() -> None:
    """A blank line between two rows ends a table, and what follows is text with bars."""
    torn = re.compile(r"^\|.*\|\n\n\|.*\|\n(?!\| ?:?-)", re.MULTILINE)
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "recipes").rglob("*.md")]:
        found = torn.search(page.read_text(encoding="utf-8"))
        assert not found, f"{page}: {found[0]}"
