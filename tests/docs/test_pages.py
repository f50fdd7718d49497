"""Every block of Python in the pages runs, what it prints is compared, and what is quoted from the source is in it."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

import pytest
from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

pytestmark = pytest.mark.docs

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *(page for page in sorted(DOCS.rglob("*.md")) if not page.is_relative_to(DOCS / "_build"))]
QUOTATION = re.compile(r"`(\w+)` \(\[[^]]+\]\(([^)\s]+\.py)\)\):\n\n```python\n(.*?)```", re.DOTALL)
INTRODUCTION = re.compile(r"\.py\)\):$", re.MULTILINE)


def run(example: Example) -> None:
    """Run a block; where it is quoted from the end of a function, what is returned is called `returned`."""
    tree = ast.parse("\n" * example.line + example.parsed, example.path)
    for place, statement in enumerate(tree.body):
        if isinstance(statement, ast.Return) and statement.value:
            target = ast.copy_location(ast.Name("returned", ast.Store()), statement)
            tree.body[place] = ast.copy_location(ast.Assign([target], statement.value), statement)
    exec(compile(tree, example.path, "exec"), example.namespace)


def parse(page: Path) -> Document:
    parser = PythonCodeBlockParser()  # blocks that begin with >>> are compared with what they print
    parser.codeblock_parser = CodeBlockParser("python", run)
    return Document.parse(str(page), parser)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [page for page in PAGES if list(parse(page).examples())], ids=name)
@pytest.mark.slow
def test_the_blocks_of_a_page_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for example in parse(page).examples():
        example.evaluate()


@pytest.mark.parametrize("page", [page for page in PAGES if INTRODUCTION.search(page.read_text())], ids=name)
def test_quoted_code_is_in_the_source(page: Path) -> None:
    text = page.read_text()
    quotations = QUOTATION.findall(text)
    assert len(quotations) == len(INTRODUCTION.findall(text)), "a line that ends in a file is not followed by its lines"
    for function, path, code in quotations:
        source = (page.parent / path).read_text()
        assert code in passages(source, function, len(code.splitlines())), f"not in {function} of {path}:\n{code}"


def passages(source: str, function: str, count: int) -> list[str]:
    """All passages of so many lines of a function, as they are without their common indentation."""
    *_, found = (node for node in ast.parse(source).body if getattr(node, "name", None) == function)  # after overloads
    lines = source.splitlines(keepends=True)[found.lineno - 1 : found.end_lineno]
    return [textwrap.dedent("".join(lines[start : start + count])) for start in range(len(lines) - count + 1)]
