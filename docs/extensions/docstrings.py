"""The docstrings as they are written: a name in backticks links to what it names, an indented block is code."""

from __future__ import annotations

import inspect
import re
from pkgutil import resolve_name
from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from msgspec import Struct
from sphinx.addnodes import desc_annotation, pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PyXRefRole
from sphinx.environment import BuildEnvironment
from sphinx.util.inspect import TypeAliasForwardRef

NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
LONGEST_VALUE = 80


def code(
    role: str, rawtext: str, text: str, lineno: int, inliner: Inliner, options: Any = None, content: Any = ()
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """`text` as code, which is a link if it is a name that the reference knows."""
    if NAME.fullmatch(text):
        return PyXRefRole()("py:obj", rawtext, text, lineno, inliner, options or {}, content)
    return [nodes.literal(rawtext, nodes.unescape(text))], []


def mark_blocks(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """A module's docstring as reStructuredText: `::` before what is indented."""
    if what == "module":
        text = re.sub(r"(?m)^(\S.*)\n\n(?=    )", r"\1\n\n::\n\n", "\n".join(lines))
        lines[:] = text.splitlines()


def as_written(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """A property's sentence with a colon in it: napoleon takes what is before the colon for a type."""
    if what in {"attribute", "data", "property"}:
        for line in [line for line in lines if line.startswith(":type: ")]:
            lines.remove(line)
            lines[0] = f"{line.removeprefix(':type: ')}: {lines[0]}"


def without_types(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, None] | None:
    """A record's signature by names and defaults: its fields have bounds and descriptions in their types."""
    if not (isinstance(obj, type) and issubclass(obj, Struct)):
        return None
    found = inspect.signature(obj)
    bare = [parameter.replace(annotation=parameter.empty) for parameter in found.parameters.values()]
    return str(found.replace(parameters=bare)), None


def without_long_values(app: Sphinx, doctree: nodes.document) -> None:
    """A constant's value, if it fits on a line."""
    for node in list(doctree.findall(desc_annotation)):
        value = node.astext()
        if value.lstrip().startswith("=") and len(value) > LONGEST_VALUE:
            node.parent.remove(node)


def without_fields(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out the fields of a named tuple: its signature has them, and their text is Python's."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def at_home(app: Sphinx, env: BuildEnvironment, link: pending_xref, text: nodes.Element) -> nodes.Element | None:
    """A link to a name that a package has from one of its modules, as `showtell.nn.functional.lstm_forward`."""
    try:
        thing = resolve_name(link["reftarget"])
        home = f"{thing.__module__}.{thing.__qualname__}"
    except (AttributeError, ImportError, ValueError):
        return None
    if home == link["reftarget"] or not home.startswith("showtell"):
        return None
    return env.domains.python_domain.resolve_xref(env, link["refdoc"], app.builder, "obj", home, link, text)


def setup(app: Sphinx) -> dict[str, bool]:
    # What an alias within another type is shown as
    TypeAliasForwardRef.__repr__ = lambda alias: alias.name  # type: ignore[method-assign]
    app.add_role("code-or-name", code)
    app.connect("autodoc-process-docstring", mark_blocks, priority=100)  # before napoleon writes directives
    app.connect("autodoc-process-docstring", as_written, priority=900)
    app.connect("autodoc-process-signature", without_types)
    app.connect("autodoc-skip-member", without_fields)
    app.connect("doctree-read", without_long_values)
    app.connect("missing-reference", at_home)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
