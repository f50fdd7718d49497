"""What several files of the project say, they say alike."""

from __future__ import annotations

import ast
import graphlib
import re
import tomllib
from pathlib import Path

import pytest

import showtell

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "showtell"
MODULES = {
    ".".join(file.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__"): file
    for file in SOURCES.rglob("*.py")
}


def imports_of(file: Path) -> set[str]:
    """The modules of the package that a file imports, anywhere in it, but for the version, which is its own."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: an import is absolute"
            names |= {f"{node.module}.{name.name}" for name in node.names}
    names = {name.removeprefix("showtell.") for name in names if name.startswith("showtell.")} - {"__version__"}
    return {name if name in MODULES else name.rpartition(".")[0] for name in names}


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """What each module of the package imports of it."""
    return {module: imports_of(file) for module, file in MODULES.items()}


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


# The package from the bottom up: an import goes to a line below, or stays in its package
LAYERS = """
errors
_util
text nn vision
datasets metrics
features captioning
evaluation explain lab metadata alt
training serve
cluster
cli
"""


def test_imports_run_down(imports: dict[str, set[str]]) -> None:
    height = {name: place for place, line in enumerate(LAYERS.split("\n")) for name in line.split()}
    assert {module.split(".")[0] for module in imports} == height.keys() | {"__init__", "__main__"}
    upward = [
        f"{module} imports {imported}"
        for module, all_imported in imports.items()
        for imported in all_imported
        if (ours := module.split(".")[0]) != (theirs := imported.split(".")[0])
        and ours in height
        and height[ours] <= height[theirs]
    ]
    assert not upward


def test_imports_run_in_no_circle(imports: dict[str, set[str]]) -> None:
    """Nor do those that only a type checker sees, or that wait until a function is called."""
    graphlib.TopologicalSorter({module: found - {module} for module, found in imports.items()}).prepare()
