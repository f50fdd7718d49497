"""`showtell score`: how good the captions of any captioner are, from COCO's files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from showtell._util.console import tell


def score(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help='JSON: a list of {"image_id": ..., "caption": ...}.')
    ],
    references: Annotated[Path, typer.Argument(metavar="REFERENCES", help="COCO's annotations of the same photos.")],
    captions: Annotated[
        Path | None, typer.Option(help="Write each photo's caption, references and scores here, as JSONL.")
    ] = None,
    meteor: Annotated[bool, typer.Option("--meteor", help="METEOR too; needs the extra java, and Java.")] = False,
    spice: Annotated[bool, typer.Option("--spice", help="SPICE too; needs the extra java, Java, its models.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as a JSON object.")] = False,
) -> None:
    """Score captions that any captioner wrote: CIDEr-D, BLEU, ROUGE-L, as COCO's evaluation does, and their variety.

    Example: showtell score results.json annotations/captions_val2017.json
    """
    from showtell._util.files import check_output
    from showtell.cli.scores import figures, show
    from showtell.evaluation.coco import read_results
    from showtell.evaluation.records import may_become_records, write_records

    if captions:
        check_output(captions, [results, references], ours=may_become_records)
    records, silent = read_results(results, references)
    if silent:
        tell(f"left out: {len(silent):,} photos without a caption, such as {silent[0]}")
    scores, rows = figures(records, meteor=meteor, spice=spice)
    try:
        if captions:
            write_records(captions, records, scores)
    finally:
        show(rows, as_json)
