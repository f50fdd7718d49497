"""The commands, gathered."""

from __future__ import annotations

from typing import Annotated

import typer

from showtell import __version__
from showtell._util.console import put
from showtell.cli.alt import alt
from showtell.cli.caption import caption
from showtell.cli.compare import compare
from showtell.cli.evaluate import evaluate
from showtell.cli.explain import explain
from showtell.cli.info import info
from showtell.cli.lab import lab
from showtell.cli.score import score
from showtell.cli.search import search
from showtell.cli.serve import serve
from showtell.cli.train import train

app = typer.Typer(
    help="A photo goes in, a sentence comes out. Offline, on a plain CPU.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (caption, alt, train, evaluate, compare, score, explain, search, serve, info):
    app.command()(command)
app.add_typer(lab, name="lab")


def _show_version(wanted: bool) -> None:
    if wanted:
        put(f"showtell {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """A photo goes in, a sentence comes out. Offline, on a plain CPU."""
