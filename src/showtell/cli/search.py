"""`showtell search`: the photos that fit a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from showtell._util.console import json_line, put, tell
from showtell.errors import ShowtellError

# Photos whose features are in memory at a time
_BLOCK = 512


def search(
    sentence: Annotated[str, typer.Argument(help="What the photos show, as a caption would say it.")],
    paths: Annotated[
        list[str], typer.Argument(metavar="PHOTO...", help="Photos, folders of photos, or - for paths on stdin.")
    ],
    top: Annotated[int, typer.Option(help="Photos to list, at most.", min=1)] = 10,
    model: Annotated[Path | None, typer.Option("--model", "-m", help="Captioner file or run folder.")] = None,
    features: Annotated[Path, typer.Option(help="Folder of encoded photos: each is encoded once.")] = Path(
        "runs/features"
    ),
    exclude: Annotated[list[str] | None, typer.Option(help="Leave out files and folders of this pattern.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Hide the progress bar.")] = False,
) -> None:
    """List the photos that fit a sentence, the best first.

    Photos are ranked by the log-probability that the captioner gives the sentence as their caption.

    Example: showtell search "a dog in the snow" holiday/
    """
    import numpy as np

    from showtell._util.progress import bar
    from showtell.captioning.likelihood import sentence_ids, sentence_log_probs
    from showtell.cli.model import load_captioner
    from showtell.cli.photo_paths import PhotoPaths
    from showtell.features.cache import check_finite
    from showtell.features.encode import photo_features
    from showtell.text.vocabulary import UNK

    captioner = load_captioner(model)
    if UNK in sentence_ids(captioner, [sentence])[0]:
        tell("the captioner does not know every word of the sentence; others decide")
    problems: list[str] = []
    photos = PhotoPaths(paths, exclude or [], lambda error: problems.append(str(error))).photos()
    if not photos:
        raise ShowtellError(f"there are no photos in {', '.join(paths)}")
    with bar("encoding photos", quiet=quiet) as advance:
        grid = captioner.decoder.config.attention_dim > 0
        stored, report = photo_features(photos, captioner.encoder, features, advance, grid=grid)
    problems += [problem.detail for problem in report.unreadable]
    for problem in problems:
        tell(problem)
    readable = [photo for photo in photos if photo in report.rows]
    found = np.empty(len(readable), np.float32)
    for first in range(0, len(readable), _BLOCK):
        block = readable[first : first + _BLOCK]
        known = stored[[report.rows[photo] for photo in block]]
        check_finite(known, block, stored)
        found[first : first + _BLOCK] = sentence_log_probs(captioner, [sentence], known)[0]
    for place in np.argsort(-found, kind="stable")[:top]:
        log_prob, photo = round(float(found[place]), 3), str(readable[place])
        put(json_line({"path": photo, "log_prob": log_prob}) if as_json else f"{log_prob:8.2f}  {photo}")
    if problems:
        raise typer.Exit(1)
