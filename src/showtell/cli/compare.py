"""`showtell compare`: whether one set of captions is significantly better than another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from showtell._util.console import json_line, put
from showtell.errors import DatasetError


def compare(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="Output of evaluate or score with --captions.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="The same for another captioner, on the same photos.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences as a JSON object.")] = False,
) -> None:
    """Compare two sets of captions of the same photos: each score, the difference, and its 95 % interval.

    The interval and the two-sided p-value are from a paired bootstrap over photos.

    Example: showtell compare lstm.jsonl gru.jsonl
    """
    from showtell.evaluation.records import by_photo, read_records
    from showtell.evaluation.table import between, differences
    from showtell.metrics import score

    ours, theirs = by_photo(read_records(before)), by_photo(read_records(after))
    for file in [*ours, *theirs]:
        if file not in ours or file not in theirs or ours[file].references != theirs[file].references:
            raise DatasetError(
                f"{before} and {after} differ in {file} or its references; compare captions of the same photos"
            )
    references = [record.references for record in ours.values()]
    found = differences(
        score([record.caption for record in ours.values()], references),
        score([theirs[file].caption for file in ours], references),
    )
    if as_json:
        parts = {row.name: row._asdict() | {"change": row.after - row.before} for row in found}
        put(json_line({"photos": len(ours), **parts}))
        return
    put(f"{'':8}  {'before':>8}  {'after':>8}  {'change':>8}  {'95 % interval':18}  p")
    for row in found:
        put(
            f"{row.name:8}  {row.before:8.4f}  {row.after:8.4f}  {row.after - row.before:+8.4f}"
            f"  {between(row.interval):18}  {row.p:.3f}"
        )
