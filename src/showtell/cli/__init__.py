"""The `showtell` command: one file a command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; an error that the user can mend is one line, and exit status 1."""
    import typer

    from showtell.cli.app import app
    from showtell.errors import ShowtellError

    try:
        app()
    except ShowtellError as error:
        if "--debug" in sys.argv:
            raise
        typer.echo(f"showtell: {error}", err=True)
        sys.exit(1)
