"""`showtell score`: scores of any captioner's captions, from COCO's files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from showtell._util.console import tell
from showtell.cli.scores import AsJson, CaptionsFile, Meteor, Spice, figures, show


def score(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help='JSON: a list of {"image_id": ..., "caption": ...}.')
    ],
    references: Annotated[Path, typer.Argument(metavar="REFERENCES", help="COCO's annotations of the same photos.")],
    captions: CaptionsFile = None,
    meteor: Meteor = False,
    spice: Spice = False,
    as_json: AsJson = False,
) -> None:
    """Score any captioner's captions: CIDEr-D, BLEU, ROUGE-L, as COCO's evaluation does, and their diversity.

    Example: showtell score results.json annotations/captions_val2017.json
    """
    from showtell._util.files import check_output
    from showtell.evaluation.coco import read_results
    from showtell.evaluation.records import may_become_records, write_records

    if captions:
        check_output(captions, [results, references], ours=may_become_records)
    records, missing = read_results(results, references)
    if missing:
        tell(f"left out: {len(missing):,} photos without a caption, such as {missing[0]}")
    scores, rows = figures(records, meteor=meteor, spice=spice)
    try:
        if captions:
            write_records(captions, records, scores)
    finally:
        show(rows, as_json)
