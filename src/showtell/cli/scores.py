"""The scores that `evaluate` and `score` have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from showtell._util.console import json_line, put

if TYPE_CHECKING:
    from showtell.evaluation.records import EvaluationRecord
    from showtell.evaluation.table import Row
    from showtell.metrics import Scores

CaptionsFile = Annotated[
    Path | None, typer.Option(help="Write each photo's caption, references and scores to this file, as JSONL.")
]
Meteor = Annotated[bool, typer.Option("--meteor", help="Also METEOR; needs the extra java and a Java runtime.")]
Spice = Annotated[
    bool, typer.Option("--spice", help="Also SPICE; needs the extra java, a Java runtime and its models.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the scores as a JSON object.")]


def figures(
    records: Sequence[EvaluationRecord], training: Iterable[str] = (), *, meteor: bool, spice: bool
) -> tuple[Scores, list[Row]]:
    """The scores, and the table of all figures; CHAIR over the photos whose objects are known.

    Raises:
        ShowtellError: METEOR or SPICE is requested and its program is missing.
    """
    from showtell import metrics
    from showtell.evaluation.table import table

    captions, references = [record.caption for record in records], [record.references for record in records]
    others: dict[str, float] = {}
    if meteor:
        others["METEOR"] = metrics.meteor(captions, references)[0]
    if spice:
        others["SPICE"] = metrics.spice(captions, references)[0]
    known = [record for record in records if record.objects is not None]
    if known:
        if len(known) < len(records):
            others["photos with objects"] = len(known)
        others |= metrics.chair(
            [record.caption for record in known],
            [record.objects or () for record in known],
            [record.references for record in known],
        ).named()
    scores = metrics.score(captions, references)
    return scores, table(scores, metrics.diversity(captions, training), others)


def show(rows: Sequence[Row], as_json: bool) -> None:
    """Print the table, or a JSON object of it."""
    from showtell.evaluation import table

    if as_json:
        put(json_line(table.as_json(rows)))
    else:
        put(*table.as_text(rows))
