"""`showtell info`: what is installed, and what a captioner is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from showtell._util.console import put, shown


def info(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="[MODEL]", help="A captioner's file or a run's folder; the shipped one if not given."),
    ] = None,
) -> None:
    """Show the versions, and what a captioner was trained on, under which terms, and how good it is.

    Example: showtell info runs/flickr8k-lstm
    """
    import platform
    from importlib.metadata import version
    from importlib.util import find_spec

    from showtell import __version__
    from showtell.cli.model import load_captioner

    captioner = load_captioner(model)
    decoder = captioner.decoder
    weights = sum(array.size for array in decoder.arrays().values())
    rows = {
        "showtell": __version__,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "onnxruntime": version("onnxruntime"),
        "extra heic": "installed" if find_spec("pillow_heif") else "not installed",
        "extra plot": "installed" if find_spec("matplotlib") else "not installed",
        "extra java": "installed" if find_spec("pycocoevalcap") else "not installed",
        "captioner": str(model) if model else "the shipped one",
        "decoder": f"{decoder.cell}, {decoder.hidden_dim} wide, {weights:,} weights, {decoder.vocab_size:,} words",
        "search": f"beam {captioner.beam_width}, length penalty {captioner.length_penalty}, "
        f"at most {captioner.max_words} words",
        "encoder": captioner.encoder_identity,
        **captioner.about,
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        put(f"{shown(name):{width}}  {shown(str(value))}")
