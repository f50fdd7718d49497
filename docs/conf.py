"""The site that Sphinx builds from these pages and from the docstrings: `sphinx-build -W docs docs/_build`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import showtell

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

project = "showtell"
release = showtell.__version__
html_title = project

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "docstrings",
    "mathml",
    "sources",
]
exclude_patterns = ["_build"]

default_role = "code-or-name"
highlight_language = "text"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_copyright = False

# Dollars are formulas on GitHub too; links to `page.md#heading` are checked
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
# Notebooks are shown with the outputs that they hold
nb_execution_mode = "off"

# What only the extra `tune` has need not be there
autodoc_mock_imports = ["onnx", "torch"]
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
# Aliases stay as the source has them: Array, and not what it stands for
autodoc_type_aliases = {"DTypeLike": "DTypeLike"} | {
    name: name
    for file in (HERE.parent / "src").rglob("*.py")
    for name in re.findall(r"^(\w+): TypeAlias", file.read_text(), re.MULTILINE)
}
maximum_signature_line_length = 88
autodoc_default_options = {"members": True}
napoleon_use_rtype = False
python_use_unqualified_type_names = True
python_display_short_literal_types = True

# A name that is not there is an error; those of other packages would have to be fetched
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(?!showtell).*"),
    # type variables
    (r"py:.*", r"showtell\.(_util\.parallel\.(Item|Result)|nn\.caches\.Kind|serve\.body\.Asked)"),
    (r"py:.*", r"showtell\.captioning\.(search\.State|captioner\.Photo)"),
]
# An annotation says Cache, and each layer has its own
suppress_warnings = ["ref.python"]
