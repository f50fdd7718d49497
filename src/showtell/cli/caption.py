"""`showtell caption`: sentences for photos and folders of photos."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from showtell.errors import PhotoError, ShowtellError

if TYPE_CHECKING:
    from showtell.captioner import Caption, Captioner
    from showtell.manifest import Manifest
    from showtell.progress import Report

# Photos captioned at once: the search reads its weights once for all of them, and a run that is stopped loses a second.
_BATCH = 32
_WATCH_SECONDS = 1.0


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
    manifest: Annotated[
        Path | None,
        typer.Option(help="A file to remember in what is done: it is not done again, unless a photo changes."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on with photos that arrive, until stopped.")] = False,
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

    With --manifest FILE a run that was stopped goes on where it was; the file holds a JSON object a photo.

    With --write, photo software sees the captions as alternative text and as description: xmp writes PHOTO.EXT.xmp
    beside each photo, embed the photo itself if it is JPEG, PNG or WebP.

    Example: showtell caption holiday/ --csv > captions.csv
    """
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    if target is None and (overwrite or dry_run):
        raise typer.BadParameter("--overwrite and --dry-run go with --write xmp or --write embed")
    if dry_run and (manifest or watch):
        raise typer.BadParameter("--dry-run goes neither with --manifest nor with --watch: it leaves nothing done")
    if watch and "-" in paths:
        raise typer.BadParameter("--watch looks into folders, and not at stdin")
    from showtell.cli.model import check_confidence, load_captioner
    from showtell.progress import bar

    photos = _photos(paths, none_yet=watch)
    one = len(photos) == 1 and photos[0] == Path(paths[0])
    write = _json_writer() if as_json else _csv_writer() if as_csv else _text_writer(with_name=not one)
    captioner = load_captioner(model)
    check_confidence(captioner, model, min_confidence)
    save = _saver(target, captioner, model, overwrite, dry_run) if target else None
    settings = {"beam": beam, "several": several, "min_confidence": min_confidence, "write": target and target.value}
    done = _manifest(manifest, model, settings | {"overwrite": overwrite}) if manifest or watch else None
    tally = _Tally()

    def tell(photo: Path, outcome: list[Caption] | PhotoError) -> bool:
        """Print it, write it; whether the photo need not be tried again."""
        if isinstance(outcome, PhotoError):
            tally.broken += 1
            typer.echo(f"showtell: {outcome}", err=True)
        elif min_confidence is not None and (sure := outcome[0].confidence or 0.0) < min_confidence:
            tally.unsure += 1
            typer.echo(f"showtell: {photo}: left out at confidence {sure:.3f}", err=True)
            return True
        write(photo, outcome)
        if save is not None and not isinstance(outcome, PhotoError):
            try:
                save(photo, outcome[0])
            except PhotoError as error:
                tally.unsaved += 1
                typer.echo(f"showtell: {error}", err=True)
                return False
        return True

    def caption_all(photos: list[Path]) -> None:
        with bar("captioning photos", quiet=quiet or one) as report:
            for photo, outcome in _captions(captioner, photos, several, beam, report):
                well = tell(photo, outcome)
                if done is not None:
                    done.add(photo, _entry(photo, outcome), rewritten=target is Target.EMBED, lasting=well)

    caption_all(photos if done is None else [photo for photo in photos if not done.is_done(photo)])
    if watch and done is not None:
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(_WATCH_SECONDS)
                # one that is being written is left to the next time
                there = [(photo, done.is_settled(photo)) for photo in _photos(paths, none_yet=True)]
                caption_all([photo for photo, settled in there if not done.is_done(photo) and settled])
    tally.report(len(photos))


@dataclass
class _Tally:
    """How many photos something was wrong with."""

    broken: int = 0
    unsure: int = 0
    unsaved: int = 0

    def report(self, photos: int) -> None:
        """Say it, if there is more than one photo, and end with the exit status that it makes."""
        wrong = [
            (self.unsure, "the captions of {:,} of {:,} photos were left out"),
            (self.unsaved, "the captions of {:,} of {:,} photos could not be written"),
            (self.broken, "{:,} of {:,} photos could not be read"),
        ]
        for count, message in wrong:
            if count and photos > 1:
                typer.echo(f"showtell: {message.format(count, photos)}", err=True)
        if self.broken or self.unsaved:
            raise typer.Exit(1)


def _photos(paths: list[str], *, none_yet: bool = False) -> list[Path]:
    """The photos that are meant: files as they are named, folders searched, stdin's lines for `-`.

    Raises:
        ShowtellError: there are none, and there need not be some later.
    """
    from showtell.vision.photo import list_photos

    named = [line for path in paths for line in (sys.stdin.read().splitlines() if path == "-" else [path]) if line]
    photos: list[Path] = []
    for path in map(Path, named):
        photos += list_photos(path) if path.is_dir() else [path]
    if not photos and not none_yet:
        raise ShowtellError(f"there are no photos in {', '.join(paths)}")
    return photos


def _manifest(path: Path | None, model: Path | None, settings: Mapping[str, object]) -> Manifest:
    """With what may have been done otherwise: the captioner, and the settings that change what comes of a photo."""
    from showtell.cli.model import captioner_file
    from showtell.manifest import Manifest

    digest = hashlib.sha256(captioner_file(model).read_bytes()).hexdigest()[:16]
    return Manifest(path, json.dumps({"captioner": digest, **settings}))


def _captions(
    captioner: Captioner, photos: list[Path], several: int, beam: int | None, report: Report
) -> Iterator[tuple[Path, list[Caption] | PhotoError]]:
    """Each photo, in order, with its captions or with what is wrong with it."""
    for start in range(0, len(photos), _BATCH):
        batch = photos[start : start + _BATCH]
        outcomes = captioner.try_several(batch, several, beam_width=beam)
        report(start + len(batch), len(photos))
        yield from zip(batch, outcomes, strict=True)


Write = Callable[[Path, "list[Caption] | PhotoError"], None]


def _text_writer(with_name: bool) -> Write:
    def write(photo: Path, outcome: list[Caption] | PhotoError) -> None:
        if not isinstance(outcome, PhotoError):
            for caption in outcome:
                typer.echo(f"{photo}: {caption.text}" if with_name else caption.text)

    return write


def _json_writer() -> Write:
    def write(photo: Path, outcome: list[Caption] | PhotoError) -> None:
        typer.echo(json.dumps(_entry(photo, outcome), ensure_ascii=False))

    return write


def _entry(photo: Path, outcome: list[Caption] | PhotoError) -> dict[str, object]:
    """What there is to say of a photo, ready for JSON."""
    if isinstance(outcome, PhotoError):
        return {"file": str(photo), "error": str(outcome)}
    first, *others = (caption.to_dict() for caption in outcome)
    return {"file": str(photo), **first, **({"others": others} if others else {})}


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
