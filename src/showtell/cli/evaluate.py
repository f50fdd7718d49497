"""`showtell evaluate`: how good a captioner is on photos whose captions are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from showtell.errors import DatasetError


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, or a captioner's file.")],
    dataset: Annotated[
        Path,
        typer.Argument(metavar="DATASET", help="A folder or captions file: Flickr8k, COCO, Karpathy, CSV, ..."),
    ],
    split: Annotated[str, typer.Option(help="The part of the data set: train, val or test.")] = "val",
    photos: Annotated[Path | None, typer.Option(help="The photos' folder, if not beside the captions.")] = None,
    beam: Annotated[int | None, typer.Option("--beam", "-b", min=1, help="Sentences followed at once.")] = None,
    features: Annotated[Path, typer.Option(help="Where features are kept between runs.")] = Path("runs/features"),
    as_json: Annotated[bool, typer.Option("--json", help="The scores as a JSON object.")] = False,
    captions: Annotated[
        Path | None, typer.Option(help="Write each photo's caption, references and CIDEr-D here, as JSONL.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Score the captions that a captioner writes: BLEU-1 to 4 and CIDEr-D.

    Example: showtell evaluate runs/flickr8k-lstm flickr8k/
    """
    import numpy as np

    from showtell.cli.model import load_captioner
    from showtell.datasets import read_dataset
    from showtell.datasets.features import photo_features
    from showtell.files import write_atomically
    from showtell.metrics import score
    from showtell.progress import bar

    captioner = load_captioner(run)
    found = read_dataset(dataset, photos)
    examples = found.split(split)
    with bar("encoding photos", quiet=quiet) as advance:
        names, grid = [example.photo for example in examples], captioner.decoder.attention_dim > 0
        stored, report = photo_features(names, captioner.encoder, features, advance, grid=grid)
    for problem in report.unreadable:
        typer.echo(f"showtell: left out: {problem.detail}", err=True)
    examples = tuple(example for example in examples if example.photo in report.rows)
    if not examples:
        raise DatasetError(f"{found.name} has no photos with captions in its split {split!r}")

    rows = [report.rows[example.photo] for example in examples]
    references = [list(example.captions) for example in examples]
    written = [
        caption.text
        for start in range(0, len(rows), 64)
        for caption in captioner.caption_features(stored[rows[start : start + 64]].astype(np.float32), beam_width=beam)
    ]
    scores = score(written, references)
    if captions:
        lines = [
            json.dumps(
                {
                    "file": str(example.photo),
                    "caption": text,
                    "references": list(example.captions),
                    "cider_d": float(value),
                }
            )
            for example, text, value in zip(examples, written, scores.cider_d_per_photo, strict=True)
        ]
        write_atomically(captions, "".join(line + "\n" for line in lines))
    table = {"photos": len(examples), "CIDEr-D": float(scores.cider_d)}
    table |= {f"BLEU-{n}": float(value) for n, value in enumerate(scores.bleu, 1)}
    if as_json:
        typer.echo(json.dumps(table))
        return
    for name, value in table.items():
        typer.echo(f"{name:8} {value:.4f}" if isinstance(value, float) else f"{name:8} {value:,}")
