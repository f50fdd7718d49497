"""`showtell caption`: sentences for photos and folders of photos."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from showtell._util.console import tell
from showtell.errors import PhotoError, PhotoUnavailableError, ShowtellError

if TYPE_CHECKING:
    from showtell._util.manifest import Manifest
    from showtell._util.progress import Report
    from showtell.captioning.caption import Caption
    from showtell.captioning.captioner import Captioner
    from showtell.cli.outcome import Outcome
    from showtell.metadata.writing import Change

_WATCH_SECONDS = 1.0
# When --watch tries again what nobody touched: a disk may be there again, or a decoder.
_AGAIN_SECONDS = 60.0


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
    num_captions: Annotated[
        int, typer.Option("--num-captions", "-n", min=1, help="Up to so many different captions a photo, best first.")
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
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN", help="In folders leave out files and folders of this name, or way; with * and ?."
        ),
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

    A photo or a folder that cannot be read is reported on stderr and skipped; the exit status is then 1. A caption that
    is left out for its confidence is reported on stderr too; as that is what was asked for, it does not change the exit
    status.

    Folders are searched with all that are in them, but for hidden ones and those of network disks and waste bins.

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
    from showtell._util.files import alone, remove_leftovers
    from showtell._util.progress import bar
    from showtell.cli.model import check_confidence, load_captioner
    from showtell.cli.outcome import csv_writer, entry, json_writer, text_writer
    from showtell.cli.search import Search

    tally = _Tally()
    search = Search(paths, exclude or [], tally.skip)
    photos = search.photos()
    if not photos and not watch:
        raise ShowtellError(f"there are no photos in {', '.join(paths)}")
    one = len(photos) == 1 and photos[0] == Path(paths[0])
    captioner = load_captioner(model)
    check_confidence(captioner, model, min_confidence)
    settings = {
        "beam": beam,
        "num_captions": num_captions,
        "min_confidence": min_confidence,
        "write": target and target.value,
    }
    done = _manifest(manifest, model, settings | {"overwrite": overwrite}) if manifest or watch else None
    write = json_writer() if as_json else csv_writer() if as_csv else text_writer(with_name=not one)
    save = _saver(target, captioner, model, overwrite, dry_run) if target else None
    if target and not dry_run:
        remove_leftovers({photo.parent for photo in photos})

    def finish(photo: Path, before: os.stat_result | None, outcome: Outcome) -> None:
        """Print it, write it, remember it."""
        change, lasting = None, True
        if isinstance(outcome, PhotoError):
            told = tally.breaks(photo, before, outcome)
            if not (watch and told):
                tell(str(outcome))
                write(photo, outcome)
            if isinstance(outcome, PhotoUnavailableError):
                return
        elif min_confidence is not None and (sure := outcome.confidence or 0.0) < min_confidence:
            tally.unsure.add(photo)
            tell(f"{photo}: left out at confidence {sure:.3f}")
        else:
            write(photo, outcome)
            if save is not None:
                try:
                    change = save(photo, outcome, before)
                except PhotoError as error:
                    tally.unsaved.add(photo)
                    tell(str(error))
                    lasting = False
        if not isinstance(outcome, PhotoError):
            tally.broken.pop(photo, None)
        if done is not None:
            rewritten = change.status if change is not None and target is Target.EMBED else None
            done.add(photo, entry(photo, outcome), rewritten=rewritten, lasting=lasting)

    def caption_all(photos: list[Path]) -> None:
        with bar("captioning photos", quiet=quiet or one or tally.broken.keys() >= set(photos)) as report:
            for photo, before, outcome in _captions(captioner, photos, num_captions, beam, report):
                finish(photo, before, outcome)

    with alone(manifest) if manifest else nullcontext():
        fresh = []
        for photo in photos:
            if done is None or not done.is_done(photo):
                fresh.append(photo)
            elif error := done.error(photo):
                tally.breaks(photo, None, PhotoError(error))
                tell(error)
        caption_all(fresh)
        if watch and done is not None:
            with suppress(KeyboardInterrupt):
                while True:
                    time.sleep(_WATCH_SECONDS)
                    # one that is being written is left to the next time
                    there = [(photo, done.is_settled(photo)) for photo in search.photos()]
                    due = [photo for photo, settled in there if not done.is_done(photo) and settled]
                    caption_all([photo for photo in due if tally.is_due(photo)])
    tally.report(len(photos))


@dataclass
class _Tally:
    """The photos and folders that something was wrong with."""

    broken: dict[Path, str] = field(default_factory=dict)
    unsure: set[Path] = field(default_factory=set)
    unsaved: set[Path] = field(default_factory=set)
    folders: int = 0
    _tried: dict[Path, tuple[os.stat_result | None, float]] = field(default_factory=dict)

    def skip(self, error: ShowtellError) -> None:
        """Report a folder that cannot be read."""
        self.folders += 1
        tell(str(error))

    def breaks(self, photo: Path, before: os.stat_result | None, error: PhotoError) -> bool:
        """Count a photo that cannot be read; whether the same was wrong with it before."""
        known = self.broken.get(photo) == str(error)
        self.broken[photo] = str(error)
        self._tried[photo] = before, time.monotonic()
        return known

    def is_due(self, photo: Path) -> bool:
        """Whether a photo may be read that could not be: it, or its permissions, changed, or a minute passed."""
        if photo not in self.broken:
            return True
        before, when = self._tried[photo]
        return time.monotonic() - when >= _AGAIN_SECONDS or not _is_same(before, _status(photo))

    def report(self, photos: int) -> None:
        """Say it, if there is more than one photo, and end with the exit status that it makes."""
        wrong = [
            (self.unsure, "the captions of {:,} of {:,} photos were left out"),
            (self.unsaved, "the captions of {:,} of {:,} photos could not be written"),
            (self.broken, "{:,} of {:,} photos could not be read"),
        ]
        for which, message in wrong:
            if which and photos > 1:
                tell(message.format(len(which), photos))
        if self.broken or self.unsaved or self.folders:
            raise typer.Exit(1)


def _manifest(path: Path | None, model: Path | None, settings: Mapping[str, object]) -> Manifest:
    """With what may have been done otherwise: the captioner, and the settings that change what comes of a photo."""
    from showtell._util.manifest import Manifest
    from showtell.cli.model import captioner_file

    digest = hashlib.sha256(captioner_file(model).read_bytes()).hexdigest()[:16]
    return Manifest(path, json.dumps({"captioner": digest, **settings}))


def _captions(
    captioner: Captioner, photos: list[Path], num_captions: int, beam: int | None, report: Report
) -> Iterator[tuple[Path, os.stat_result | None, Outcome]]:
    """Each photo, in order, as it was before, with its captions or with what is wrong with it."""
    before: deque[os.stat_result | None] = deque()

    def noted() -> Iterator[Path]:
        for photo in photos:
            before.append(_status(photo))
            yield photo

    for number, (photo, outcome) in enumerate(captioner.stream(noted(), num_captions, beam_width=beam), 1):
        report(number, len(photos))
        yield photo, before.popleft(), outcome


def _status(photo: Path) -> os.stat_result | None:
    try:
        return photo.stat()
    except (OSError, ValueError):
        return None


def _is_same(before: os.stat_result | None, now: os.stat_result | None) -> bool:
    from showtell._util.files import same_version

    return before is not None and now is not None and same_version(before, now)


def _saver(
    target: Target, captioner: Captioner, model: Path | None, overwrite: bool, dry_run: bool
) -> Callable[[Path, Caption, os.stat_result | None], Change]:
    from datetime import datetime

    from showtell import __version__
    from showtell.metadata.record import Record
    from showtell.metadata.writing import write_embedded, write_sidecar

    put = write_sidecar if target is Target.XMP else write_embedded
    origin = f"{model.resolve().name if model else 'shipped'}, encoder {captioner.encoder_identity}"
    ours: dict[Path, os.stat_result | None] = {}

    def save(photo: Path, caption: Caption, before: os.stat_result | None) -> Change:
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        record = Record(caption.text, origin, __version__, now, caption.confidence)
        place = photo.resolve()
        # a photo that is named twice was changed meanwhile, by us
        change = put(photo, record, of=ours.get(place, before), overwrite=overwrite, dry_run=dry_run)
        if change.status is not None and target is Target.EMBED:
            ours[place] = change.status
        for name, text in change.kept.items():
            tell(f"{photo}: kept {name}: {_shortened(text)}")
        if dry_run:
            what = f"would write {' and '.join(change.written)} into" if change.written else "would not change"
            tell(f"{photo}: {what} {change.file}")
        return change

    return save


def _shortened(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."
