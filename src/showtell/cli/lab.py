"""`showtell lab`: experiments for students and teachers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from showtell._util.console import json_line, put

lab = typer.Typer(help="Experiments for students and teachers.", no_args_is_help=True)


@lab.command()
def gradients(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Output file, PNG, SVG or PDF.", show_default="gradients.png"),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, max=300, help="Time steps.")] = 100,
    hidden: Annotated[int, typer.Option(min=1, max=1024, help="Width of the states and of the inputs.")] = 128,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the numbers as a JSON object; draws nothing unless --output is given.")
    ] = False,
) -> None:
    """Measure vanishing gradients through time, and what prevents them.

    Vanilla RNN, GRU and LSTM, each with several initializations; drawing needs the extra plot.

    Example: showtell lab gradients --output gradients.png
    """
    _one_thread()
    from showtell._util.plotting import check_new, check_picture
    from showtell.lab import flow_table
    from showtell.lab.flow import NETWORKS, measure
    from showtell.lab.flow_picture import draw_flows

    if output:
        check_picture(output)
    elif not as_json:
        output = Path("gradients.png")
        check_new(output)
    flows = [measure(network, steps, hidden, seed) for network in NETWORKS]
    if as_json:
        put(json_line({"steps": steps, "hidden": hidden, "seed": seed} | flow_table.as_json(flows)))
    else:
        put(*flow_table.as_text(flows))
    if output:
        draw_flows(flows, output)


@lab.command()
def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print the errors as a JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Hide the progress bar.")] = False,
) -> None:
    """Check every backward pass against finite differences: each layer, on edge-case shapes, in NumPy and compiled.

    Prints the largest relative error of each layer. The exit status is 1 if one is above the tolerance.

    Example: showtell lab check
    """
    _one_thread()
    from showtell._util.progress import bar
    from showtell.lab import check_table
    from showtell.lab.check import ALL_CASES, backends
    from showtell.lab.check import check as run_checks

    found = {}
    for name, layers in backends():
        with bar(f"{name}: checking cases", quiet=quiet) as advance:
            found[name] = run_checks(layers, ALL_CASES, advance)
    if as_json:
        put(json_line(check_table.as_json(found)))
    else:
        put(*check_table.as_text(found))
    if not all(verdict.passed for verdicts in found.values() for verdict in verdicts):
        raise typer.Exit(1)


def _one_thread() -> None:
    """Limit NumPy to one thread, before it is imported: for such small networks, more are slower."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
