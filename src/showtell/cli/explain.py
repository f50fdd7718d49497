"""`showtell explain`: why a photo's caption says what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from showtell._util.console import json_line, put, tell


def explain(
    photo: Annotated[Path, typer.Argument(help="A photo.")],
    model: Annotated[
        Path | None,
        typer.Option("--model", "-m", help="A captioner's file or a run folder; the shipped one if not given."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The picture, PNG, SVG or PDF; PHOTO.explained.png here if not given."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="The numbers as a JSON object; no picture then, unless --output asks for it.")
    ] = False,
) -> None:
    """Draw why a photo's caption says what it says.

    A row a word: what came close, where the decoder looked, the exact gradient of the word's log-probability with
    respect to the photo's grid, and what each place of it adds; above them the gates of the cell. A picture that is
    there is replaced only by --output, and only if showtell drew it.

    Example: showtell explain dog.jpg --output dog.pdf
    """
    from showtell._util.plotting import check_new, check_picture, save_figure
    from showtell.cli.model import captioner_file, load_captioner
    from showtell.explain import draw_sheet
    from showtell.explain import explain as explain_photo
    from showtell.vision.photo import open_photo

    if output is not None:
        check_picture(output, [photo, captioner_file(model)])
    elif not as_json:
        output = Path(f"{photo.stem}.explained.png")
        check_new(output)
    explanation = explain_photo(load_captioner(model), photo)
    if as_json:
        put(json_line({"file": str(photo), **explanation.to_dict()}))
    else:
        put(explanation.caption.text)
    if output is not None:
        save_figure(draw_sheet(open_photo(photo), explanation), output)
        tell(f"drew {output}")
