"""Links to the package's files: on GitHub they open the file, here what the site has of it.

`[nn/functional/lstm.py](../../src/showtell/nn/functional/lstm.py)` becomes a link to the highlighted source, and
``[`lstm_forward`](../src/showtell/nn/functional/lstm.py)``, whose text is the name of something in the file, to its
entry in the reference. A link to any other file stays what it is: the file comes along.
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

SOURCES = Path(__file__).parents[2] / "src"


def replace_links(app: Sphinx, doctree: nodes.document) -> None:
    docname = app.env.docname
    for link in list(doctree.findall(addnodes.download_reference)):
        path = (Path(app.srcdir) / docname).parent.joinpath(link["reftarget"]).resolve()
        if path.suffix != ".py" or not path.is_relative_to(SOURCES):
            continue
        module = path.relative_to(SOURCES).with_suffix("")
        name = link.astext()
        if name.replace(".", "").isidentifier() and not name.endswith(".py"):
            dotted = ".".join(part for part in module.parts if part != "__init__")
            new: nodes.Element = addnodes.pending_xref(
                refdomain="py", reftype="obj", reftarget=f"{dotted}.{name}", refexplicit=True, refdoc=docname
            )
        else:
            page = module.parent if module.name == "__init__" else module
            new = nodes.reference(refuri=app.builder.get_relative_uri(docname, f"_modules/{page.as_posix()}"))
        new.extend(link.children)
        link.replace_self(new)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", replace_links, priority=100)  # before what is linked is collected
    return {"parallel_read_safe": True, "parallel_write_safe": True}
