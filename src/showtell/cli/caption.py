"""`showtell caption`: sentences for photos and folders of photos."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from showtell.errors import PhotoError, ShowtellError

if TYPE_CHECKING:
    from showtell.captioner import Caption, Captioner
    from showtell.progress import Report

# Photos captioned at once: a sentence appears after at most this many, and the search has rows to share.
_BATCH = 16


class Target(Enum):
    """Where a caption is written for photo software."""

    XMP = "xmp"
    EMBED = "embed"


def caption(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Photos, and folders to search; - reads paths from stdin."),
    ],
    model: Annotated[
        Path | None,
        typer.Option("--model", "-m", help="A captioner's file or a run folder; the shipped one if not given."),
    ] = None,
    beam: Annotated[
        int | None, typer.Option("--beam", "-b", min=1, help="Sentences followed at once; 1 is the fastest.")
    ] = None,
    several: Annotated[
        int, typer.Option("--several", "-n", min=1, help="Up to so many different captions a photo, best first.")
    ] = 1,
    min_confidence: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Leave out captions that the captioner is less sure of, 0 to 1."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line, with probabilities.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV: file, caption, log_prob, confidence, error.")] = False,
    target: Annotated[
        Target | None,
        typer.Option("--write", help="Also write captions into files beside the photos, or into the photos, as XMP."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With --write: also replace what a person wrote.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --write: only say what would be written.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Write a sentence about each photo.

    A photo that cannot be read is reported on stderr and skipped; the exit status is then 1. A caption that is left out
    for its confidence is reported on stderr too; as that is what was asked for, it does not change the exit status.

    With --write, photo software sees the captions as alternative text and as description: xmp writes PHOTO.EXT.xmp
    beside each photo, embed the photo itself if it is JPEG, PNG or WebP.

    Example: showtell caption holiday/ --csv > captions.csv
    """
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    if target is None and (overwrite or dry_run):
        raise typer.BadParameter("--overwrite and --dry-run go with --write xmp or --write embed")
    from showtell.cli.model import load_captioner
    from showtell.progress import bar

    photos = _photos(paths)
    one = len(photos) == 1 and photos[0] == Path(paths[0])
    write = _json_writer() if as_json else _csv_writer() if as_csv else _text_writer(with_name=not one)
    captioner = load_captioner(model)
    if min_confidence is not None and captioner.confidence is None:
        raise ShowtellError(
            f"--min-confidence is {min_confidence}, but the captioner {model or 'that ships'} has no confidence; "
            "leave the option out, or take a captioner of a finished `showtell train`"
        )
    save = _saver(target, captioner, model, overwrite, dry_run) if target else None
    broken = unsure = unsaved = 0
    with bar("captioning photos", quiet=quiet or one) as report:
        for photo, outcome in _captions(captioner, photos, several, beam, report):
            if isinstance(outcome, PhotoError):
                broken += 1
                typer.echo(f"showtell: {outcome}", err=True)
            elif min_confidence is not None and (sure := outcome[0].confidence) is not None and sure < min_confidence:
                unsure += 1
                typer.echo(f"showtell: {photo}: left out at confidence {sure:.3f}", err=True)
                continue
            write(photo, outcome)
            if save is not None and not isinstance(outcome, PhotoError):
                try:
                    save(photo, outcome[0])
                except PhotoError as error:
                    unsaved += 1
                    typer.echo(f"showtell: {error}", err=True)
    if unsure and len(photos) > 1:
        typer.echo(f"showtell: the captions of {unsure:,} of {len(photos):,} photos were left out", err=True)
    if unsaved and len(photos) > 1:
        typer.echo(f"showtell: the captions of {unsaved:,} of {len(photos):,} photos could not be written", err=True)
    if broken and len(photos) > 1:
        typer.echo(f"showtell: {broken:,} of {len(photos):,} photos could not be read", err=True)
    if broken or unsaved:
        raise typer.Exit(1)


def _photos(paths: list[str]) -> list[Path]:
    """The photos that are meant: files as they are named, folders searched, stdin's lines for `-`."""
    from showtell.vision.photo import list_photos

    named = [line for path in paths for line in (sys.stdin.read().splitlines() if path == "-" else [path]) if line]
    photos: list[Path] = []
    for path in map(Path, named):
        photos += list_photos(path) if path.is_dir() else [path]
    if not photos:
        raise ShowtellError(f"there are no photos in {', '.join(paths)}")
    return photos


def _captions(
    captioner: Captioner, photos: list[Path], several: int, beam: int | None, report: Report
) -> Iterator[tuple[Path, list[Caption] | PhotoError]]:
    """Each photo, in order, with its captions or with what is wrong with it."""
    import numpy as np

    for start in range(0, len(photos), _BATCH):
        batch = photos[start : start + _BATCH]
        known = {}
        outcomes: dict[Path, list[Caption] | PhotoError] = {}
        for done, (photo, features) in enumerate(zip(batch, captioner.features_of(batch), strict=True), start + 1):
            if isinstance(features, PhotoError):
                outcomes[photo] = features
            else:
                known[photo] = features
            report(done, len(photos))
        if known:
            captions = captioner.several_of_features(np.stack(list(known.values())), several, beam_width=beam)
            outcomes |= dict(zip(known, captions, strict=True))
        yield from ((photo, outcomes[photo]) for photo in batch)


Write = Callable[[Path, "list[Caption] | PhotoError"], None]


def _text_writer(with_name: bool) -> Write:
    def write(photo: Path, outcome: list[Caption] | PhotoError) -> None:
        if not isinstance(outcome, PhotoError):
            for caption in outcome:
                typer.echo(f"{photo}: {caption.text}" if with_name else caption.text)

    return write


def _json_writer() -> Write:
    def write(photo: Path, outcome: list[Caption] | PhotoError) -> None:
        entry: dict[str, object] = {"file": str(photo)}
        if isinstance(outcome, PhotoError):
            entry["error"] = str(outcome)
        else:
            first, *others = (caption.to_dict() for caption in outcome)
            entry |= first | ({"others": others} if others else {})
        typer.echo(json.dumps(entry, ensure_ascii=False))

    return write


def _csv_writer() -> Write:
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["file", "caption", "log_prob", "confidence", "error"])

    def write(photo: Path, outcome: list[Caption] | PhotoError) -> None:
        if isinstance(outcome, PhotoError):
            table.writerow([photo, "", "", "", outcome])
        else:
            for caption in outcome:
                confidence = "" if caption.confidence is None else f"{caption.confidence:.6f}"
                table.writerow([photo, caption.text, f"{caption.log_prob:.6f}", confidence, ""])
        sys.stdout.flush()

    return write


def _saver(
    target: Target, captioner: Captioner, model: Path | None, overwrite: bool, dry_run: bool
) -> Callable[[Path, Caption], None]:
    from datetime import datetime

    from showtell import __version__
    from showtell.metadata.record import Record
    from showtell.metadata.writing import write_embedded, write_sidecar

    put = write_sidecar if target is Target.XMP else write_embedded
    origin = f"{model.resolve().name if model else 'shipped'}, encoder {captioner.encoder_identity}"

    def save(photo: Path, caption: Caption) -> None:
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        record = Record(caption.text, origin, __version__, now, caption.confidence)
        change = put(photo, record, overwrite=overwrite, dry_run=dry_run)
        for name, text in change.kept.items():
            typer.echo(f"showtell: {photo}: kept {name}: {_shortened(text)}", err=True)
        if dry_run:
            what = f"would write {' and '.join(change.written)} into" if change.written else "would not change"
            typer.echo(f"showtell: {photo}: {what} {change.file}", err=True)

    return save


def _shortened(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."
