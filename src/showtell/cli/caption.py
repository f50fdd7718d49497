"""`showtell caption`: sentences for photos and folders of photos."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from showtell._util.console import tell
from showtell.errors import NoCaptionError, PhotoError, ShowtellError

if TYPE_CHECKING:
    from showtell._util.manifest import Manifest
    from showtell.captioning.batch import Outcome
    from showtell.captioning.captioner import Captioner
    from showtell.metadata.writer import CaptionWriter
    from showtell.metadata.writing import Change


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
        typer.Option("--model", "-m", help="Captioner file or run folder; default: the bundled one."),
    ] = None,
    beam: Annotated[
        int | None, typer.Option("--beam", "-b", min=1, max=100, help="Beam width; 1 is the fastest.")
    ] = None,
    num_captions: Annotated[
        int, typer.Option("--num-captions", "-n", min=1, help="Number of different captions per photo, best first.")
    ] = 1,
    min_confidence: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Leave out captions below this confidence (0 to 1)."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line, with probabilities.")
    ] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV: file, caption, log_prob, confidence, error.")
    ] = False,
    manifest: Annotated[
        Path | None,
        typer.Option(help="Record finished photos in this file, to resume from; changed photos are captioned again."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN", help="In folders, skip files and folders whose name or path matches; with * and ?."
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Keep running and caption new photos until stopped.")] = False,
    target: Annotated[
        Target | None,
        typer.Option(
            "--write", help="Also write captions as XMP: into sidecar files (xmp) or into the photos (embed)."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With --write: also replace descriptions by people.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --write: only print what would be written.")] = False,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Caption on a Ray cluster: local, auto or HOST:PORT."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(metavar="DEST", help="With --ray: folder or URI for the captions, Parquet or --json, in parts."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Hide the progress bar.")] = False,
) -> None:
    """Write a sentence about each photo.

    A photo or folder that cannot be read is reported on stderr and skipped, and the exit status is then 1. Pictures of
    one colour, of noise or of text alone, and captions below --min-confidence, are reported on stderr too, without
    changing the exit status.

    Folders are searched recursively, except for hidden folders and those of network drives and trash cans.

    With --manifest FILE, an interrupted run resumes; the file has one JSON object per photo.

    With --write, captions become alternative text and description for photo software: xmp writes PHOTO.EXT.xmp next to
    each photo, embed writes into the photo itself if it is JPEG, PNG or WebP.

    With --ray, a PATH may also be a table of photos (.parquet, .jsonl) or a URI (s3://, gs://). A command that is
    repeated resumes: docs/cluster.md.

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
    if (ray is None) != (output is None):
        raise typer.BadParameter("--ray and --output go together")
    if ray and (as_csv or manifest or watch or min_confidence is not None or dry_run or target is Target.EMBED):
        raise typer.BadParameter(
            "--ray goes without --csv, --manifest, --watch, --min-confidence, --dry-run and --write embed"
        )
    from showtell._util.files import exclusive, remove_leftovers
    from showtell._util.progress import bar
    from showtell.captioning.batch import Batch
    from showtell.cli.model import check_confidence, load_captioner
    from showtell.cli.outcome import csv_writer, json_writer, text_writer
    from showtell.cli.photo_paths import PhotoPaths

    settings = {
        "beam": beam,
        "num_captions": num_captions,
        "min_confidence": min_confidence,
        "write": target and target.value,
        "overwrite": overwrite,
    }
    if ray and output:
        from showtell.cli.cluster import caption_on_cluster

        captioner = load_captioner(model)
        caption_on_cluster(
            ray,
            paths,
            exclude or [],
            captioner,
            output,
            _made_with(model, settings),
            num_captions=num_captions,
            beam_width=beam,
            writer=_writer(target, captioner, model, overwrite=overwrite, dry_run=False),
            as_json=as_json,
            quiet=quiet,
        )
        return
    tally = _Tally()
    named = PhotoPaths(paths, exclude or [], tally.skip)
    photos = named.photos()
    if not photos and not watch:
        raise ShowtellError(f"there are no photos in {', '.join(paths)}")
    one = len(photos) == 1 and photos[0] == Path(paths[0])
    captioner = load_captioner(model)
    check_confidence(captioner, model, min_confidence)
    done = _manifest(manifest, model, settings) if manifest else None
    batch = Batch(captioner, done, num_captions=num_captions, beam_width=beam)
    write = json_writer() if as_json else csv_writer() if as_csv else text_writer(with_name=not one)
    writer = _writer(target, captioner, model, overwrite=overwrite, dry_run=dry_run)
    if writer and not dry_run:
        remove_leftovers({photo.parent for photo in photos})

    def take(outcome: Outcome) -> None:
        """Print it, write it, remember it."""
        rewritten, lasting = None, True
        if isinstance(outcome.result, NoCaptionError):
            tally.unsure.add(outcome.photo)
            tell(str(outcome.result))
            write(outcome)
        elif isinstance(outcome.result, PhotoError):
            if not (watch and outcome.repeated):
                tell(str(outcome.result))
                write(outcome)
        elif min_confidence is not None and (sure := outcome.result.confidence or 0.0) < min_confidence:
            tally.unsure.add(outcome.photo)
            tell(f"{outcome.photo}: left out at confidence {sure:.3f}")
        else:
            write(outcome)
            if writer is not None:
                try:
                    change = writer.write(outcome.photo, outcome.result, outcome.before)
                except PhotoError as error:
                    tally.unsaved.add(outcome.photo)
                    tell(str(error))
                    lasting = False
                else:
                    _tell_change(outcome.photo, change, dry_run=dry_run)
                    rewritten = change.status if target is Target.EMBED else None
        batch.finish(outcome, rewritten=rewritten, lasting=lasting)

    def caption_all(photos: list[Path]) -> None:
        with bar("captioning photos", quiet=quiet or one or batch.broken.keys() >= set(photos)) as report:
            for outcome in batch.run(photos, report):
                take(outcome)

    with exclusive(manifest) if manifest else nullcontext():
        pending = batch.pending(photos)
        for error in batch.broken.values():
            tell(error)
        caption_all(pending)
        if watch:
            with suppress(KeyboardInterrupt):
                for due in batch.watch(named.photos):
                    caption_all(due)
    tally.report(len(photos), len(batch.broken))


@dataclass
class _Tally:
    """The photos and folders that something was wrong with, but for photos that could not be read."""

    unsure: set[Path] = field(default_factory=set)
    unsaved: set[Path] = field(default_factory=set)
    folders: int = 0

    def skip(self, error: ShowtellError) -> None:
        """Report a folder that cannot be read."""
        self.folders += 1
        tell(str(error))

    def report(self, photos: int, broken: int) -> None:
        """Say it, if there is more than one photo, and end with the exit status that it makes."""
        wrong = [
            (len(self.unsure), "the captions of {:,} of {:,} photos were left out"),
            (len(self.unsaved), "the captions of {:,} of {:,} photos could not be written"),
            (broken, "{:,} of {:,} photos could not be read"),
        ]
        for count, message in wrong:
            if count and photos > 1:
                tell(message.format(count, photos))
        if broken or self.unsaved or self.folders:
            raise typer.Exit(1)


def _manifest(path: Path, model: Path | None, settings: Mapping[str, object]) -> Manifest:
    from showtell._util.manifest import Manifest

    return Manifest(path, json.dumps(_made_with(model, settings)))


def _made_with(model: Path | None, settings: Mapping[str, object]) -> dict[str, object]:
    """What may have been done otherwise: the captioner, and the settings that change what comes of a photo."""
    from showtell.cli.model import captioner_file

    digest = hashlib.sha256(captioner_file(model).read_bytes()).hexdigest()[:16]
    return {"captioner": digest, **settings}


def _writer(
    target: Target | None, captioner: Captioner, model: Path | None, *, overwrite: bool, dry_run: bool
) -> CaptionWriter | None:
    from showtell.metadata.writer import CaptionWriter

    if target is None:
        return None
    origin = f"{model.resolve().name if model else 'shipped'}, encoder {captioner.encoder_identity}"
    return CaptionWriter(target.value, origin, overwrite=overwrite, dry_run=dry_run)


def _tell_change(photo: Path, change: Change, *, dry_run: bool) -> None:
    for name, text in change.kept.items():
        tell(f"{photo}: kept {name}: {_shortened(text)}")
    if dry_run:
        what = f"would write {' and '.join(change.written)} into" if change.written else "would not change"
        tell(f"{photo}: {what} {change.file}")


def _shortened(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."
