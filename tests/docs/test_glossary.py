"""Each symbol that the glossary names exists in the source."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.docs

ROOT = Path(__file__).parents[2]
ROWS = re.findall(r"^\| (.+?) \| (.*?) \| (.*?) \|$", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
SYMBOLS = [symbol for _, _, where in ROWS for symbol in re.findall(r"`([^`]+)`", where)]


def python_names(file: Path) -> set[str]:
    """What a module defines: the module, classes and `Class.member`, functions, their arguments and variables."""
    parts = file.relative_to(ROOT / "src").with_suffix("").parts
    found = {".".join(parts).removesuffix(".__init__")}
    for node in ast.walk(ast.parse(file.read_bytes())):
        match node:
            case ast.ClassDef(name=name, body=body):
                found.add(name)
                for member in body:
                    match member:
                        case ast.FunctionDef(name=attribute) | ast.AsyncFunctionDef(name=attribute):
                            found.add(f"{name}.{attribute}")
                        case ast.AnnAssign(target=ast.Name(id=attribute)):
                            found.add(f"{name}.{attribute}")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.arg(arg=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.Constant(value=str(name)) if name.isidentifier():  # a parameter's key
                found.add(name)
    return found


def native_names(file: Path) -> set[str]:
    """The identifiers of a C++ file; comments do not count."""
    return set(re.findall(r"\w+", re.sub(r"//.*|/\*.*?\*/", "", file.read_text(encoding="utf-8"))))


@pytest.fixture(scope="module")
def names() -> set[str]:
    python = [python_names(file) for file in (ROOT / "src").rglob("*.py")]
    native = [native_names(file) for file in (ROOT / "native").rglob("*") if file.suffix in (".cpp", ".hpp", ".h")]
    return set().union(*python, *native)


def test_every_term_has_a_meaning_and_a_symbol() -> None:
    terms = [row for row in ROWS if not row[0].startswith(("**", "---", "term"))]
    assert len(terms) > 50
    assert not [term for term, meaning, where in terms if not meaning or not re.search("`.+`", where)]
    assert len({term for term, _, _ in terms}) == len(terms), "a term stands there twice"


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_symbol_exists(symbol: str, names: set[str]) -> None:
    assert symbol in names, f"{symbol} is not in src/ or native/; the glossary names it"
