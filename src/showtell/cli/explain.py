"""`showtell explain`: why each word of a photo's caption was chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from showtell._util.console import json_line, put, tell


def explain(
    photo: Annotated[Path, typer.Argument(help="The photo.")],
    model: Annotated[
        Path | None,
        typer.Option("--model", "-m", help="Captioner file or run folder; default: the bundled one."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Output file, PNG, SVG or PDF; default: PHOTO.explained.png in the current folder."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the numbers as a JSON object; draws nothing unless --output is given.")
    ] = False,
) -> None:
    """Draw why each word of a photo's caption was chosen.

    One row per word: the runners-up, the attention map, the exact gradient of the word's log-probability with respect
    to the photo's grid, and the contribution of each position; above them the gates of the cell. An existing picture is
    replaced only if --output names it and showtell drew it.

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
