"""The reference has every module of the package but the commands."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_module_is_in_the_reference() -> None:
    files = (ROOT / "src" / "showtell").rglob("*.py")
    modules = {".".join(file.relative_to(ROOT / "src").with_suffix("").parts) for file in files}
    modules = {module.removesuffix(".__init__") for module in modules}
    modules = {module for module in modules if not module.startswith(("showtell.cli", "showtell.__main__"))}
    pages = "".join(page.read_text() for page in (ROOT / "docs" / "api").glob("*.rst"))
    documented = set(re.findall(r"^\.\. automodule:: (\S+)$", pages, re.MULTILINE))
    assert documented == modules, "each module has an automodule in a page of docs/api"
