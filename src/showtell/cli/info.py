"""`showtell info`: versions, and facts about a captioner."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from showtell._util.console import put, shown


def info(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="[MODEL]", help="Captioner file or run folder; default: the bundled one."),
    ] = None,
) -> None:
    """Show versions, and a captioner's training data, licence terms and scores.

    Example: showtell info runs/flickr8k-lstm
    """
    import platform
    from importlib.metadata import version
    from importlib.util import find_spec

    from showtell import __version__
    from showtell.cli.model import load_captioner

    captioner = load_captioner(model)
    config = captioner.decoder.config
    weights = sum(array.size for array in captioner.decoder.arrays().values())
    rows = {
        "showtell": __version__,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "onnxruntime": version("onnxruntime"),
        "extra heic": "installed" if find_spec("pillow_heif") else "not installed",
        "extra plot": "installed" if find_spec("matplotlib") else "not installed",
        "extra java": "installed" if find_spec("pycocoevalcap") else "not installed",
        "captioner": str(model) if model else "the bundled one",
        "decoder": f"{config.cell}, {config.hidden_dim} wide, {weights:,} weights, {config.vocab_size:,} words",
        "search": f"beam {captioner.beam_width}, length penalty {captioner.length_penalty}, "
        f"at most {captioner.max_words} words",
        "encoder": captioner.encoder_identity,
        **captioner.about,
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        put(f"{shown(name):{width}}  {shown(str(value))}")
