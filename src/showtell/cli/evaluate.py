"""`showtell evaluate`: a captioner's scores on photos with reference captions."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated

import typer

from showtell._util.console import tell
from showtell.cli.scores import AsJson, CaptionsFile, Meteor, Spice, figures, show


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder or captioner file.")],
    dataset: Annotated[
        Path,
        typer.Argument(metavar="DATASET", help="A folder or captions file: Flickr8k, COCO, Karpathy, CSV, ..."),
    ],
    split: Annotated[str, typer.Option(help="Split: train, val or test.")] = "val",
    photos: Annotated[Path | None, typer.Option(help="Folder of the photos, if not next to the captions.")] = None,
    beam: Annotated[int | None, typer.Option("--beam", "-b", min=1, max=100, help="Beam width.")] = None,
    features: Annotated[Path, typer.Option(help="Feature cache.")] = Path("runs/features"),
    captions: CaptionsFile = None,
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML report with the best, the worst and random photos to this file.")
    ] = None,
    meteor: Meteor = False,
    spice: Spice = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Hide the progress bar.")] = False,
) -> None:
    """Score a captioner on a data set: CIDEr-D, BLEU, ROUGE-L with 95 % intervals, and the diversity of its captions.

    Also object hallucination (CHAIR), if the data set lists the photos' objects, and the calibration of the captioner's
    confidence, if it has one.

    Example: showtell evaluate runs/flickr8k-lstm flickr8k/
    """
    import numpy as np

    from showtell._util.files import check_output, write_atomically
    from showtell._util.progress import bar
    from showtell.cli.model import captioner_file, load_captioner
    from showtell.datasets import read_dataset
    from showtell.evaluation.evaluate import evaluate as caption_split
    from showtell.evaluation.records import may_become_records, write_records
    from showtell.evaluation.report import is_report
    from showtell.evaluation.report import report as page
    from showtell.evaluation.table import Row

    inputs = [captioner_file(run), dataset, *dataset.glob("*")]
    if captions:
        check_output(captions, inputs, ours=may_become_records)
    if report:
        check_output(report, inputs, ours=is_report)
    captioner = load_captioner(run)
    found = read_dataset(dataset, photos)
    evaluation = caption_split(
        captioner, found, split, features=features, beam_width=beam, bar=functools.partial(bar, quiet=quiet)
    )
    for problem in evaluation.unreadable:
        tell(f"left out: {problem.detail}")
    records, written = evaluation.records, evaluation.captions
    training = [caption for example in found.split("train") for caption in example.captions]
    scores, rows = figures(records, training, meteor=meteor, spice=spice)
    of_confidence: list[Row] = []
    if captioner.confidence:
        from showtell.evaluation.calibration import calibration

        confidence = captioner.confidence
        sure = np.array([caption.confidence for caption in written], np.float64)
        of_confidence = calibration(sure, scores.cider_d_per_photo, confidence.threshold).rows()
        if sentences := [caption.confidence_features for caption in written if not caption.named]:
            expected = confidence.expected_cider_d(np.array(sentences)).mean()
            of_confidence.append(Row("CIDEr-D, expected", float(expected)))
    try:
        if captions:
            write_records(captions, records, scores)
        if report:
            write_atomically(report, page(f"{run.name} on {found.name}, {split}", rows, records, scores))
    finally:
        show([*rows, *of_confidence], as_json)
