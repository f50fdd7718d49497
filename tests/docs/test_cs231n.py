"""The names and arguments in docs/cs231n.md are the real ones, and `showtell.nn.functional` has all that it should."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from pkgutil import resolve_name

import pytest

from showtell.nn import functional

pytestmark = pytest.mark.docs

DOCS = Path(__file__).parents[2] / "docs"
ROWS = re.findall(
    r"^\| (?:`([\w.]+)` )?\| \[`([\w.]+)`\]\(\.\./src/([\w/]+)\.py\)(?: `(\(.*?\))`)? \|",
    (DOCS / "cs231n.md").read_text(),
    re.MULTILINE,
)


def test_every_row_is_read() -> None:
    rows = [line for line in (DOCS / "cs231n.md").read_text().splitlines() if line.startswith("|")]
    assert len(ROWS) == len(rows) - 4  # two tables, two lines of head each


@pytest.mark.parametrize(("theirs", "ours", "module", "arguments"), ROWS, ids=[row[1] for row in ROWS])
def test_row_matches_the_source(theirs: str, ours: str, module: str, arguments: str) -> None:
    thing = resolve_name(f"{module.replace('/', '.').removesuffix('.__init__')}:{ours}")
    if module.startswith("showtell/nn/functional/"):
        assert ours == theirs
        assert getattr(functional, ours) is thing
    if not arguments:
        assert isinstance(thing, property)
        return
    signature = inspect.signature(thing)
    plain = [
        parameter.replace(annotation=parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name != "self"
    ]
    real = str(signature.replace(parameters=plain, return_annotation=signature.empty))
    assert real.startswith(arguments.removesuffix("...)")) if arguments.endswith("...)") else real == arguments
