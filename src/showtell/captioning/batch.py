"""Many photos, each captioned once: a run that was stopped goes on, what could not be read is tried again."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from showtell._util.files import same_version
from showtell._util.manifest import Manifest
from showtell.errors import NoCaptionError, PhotoError, PhotoUnavailableError

if TYPE_CHECKING:
    from showtell.captioning.caption import Caption
    from showtell.captioning.captioner import Captioner

_POLL_SECONDS = 1.0
# After how long a photo that nobody touched is tried again: a disk may be there again, or a decoder.
_RETRY_SECONDS = 60.0


@dataclass(frozen=True)
class Outcome:
    """What came of a photo.

    Attributes:
        photo: its path.
        result: its caption, or why it has none.
        before: the photo's status before it was read; None if it could not be had.
        repeated: whether the same was wrong with it when it was last tried.
    """

    photo: Path
    result: Caption | PhotoError
    before: os.stat_result | None = None
    repeated: bool = False

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON, as `told`."""
        return told(str(self.photo), self.result)


def told(photo: str, result: Caption | PhotoError) -> dict[str, object]:
    """What came of a photo, ready for JSON: its name as `file`; and its caption, an `error` or why it is `skipped`."""
    if isinstance(result, PhotoError):
        return {"file": photo, "skipped" if isinstance(result, NoCaptionError) else "error": str(result)}
    return {"file": photo, **result.to_dict()}


class Batch:
    """Captions photos that a manifest does not know as done::

        batch = Batch(captioner, Manifest(Path("done.jsonl"), by="my captioner, beam 5"))
        for outcome in batch.run(batch.pending(photos)):
            print(outcome.photo, outcome.result)
            batch.finish(outcome)

    Args:
        captioner: whose captions they are.
        manifest: what is done; if not given, what this object did.
        num_captions: captions of each photo, at most.
        beam_width: sentences followed at once; the captioner's own if not given.

    Attributes:
        broken: the photos that could not be read when they were last tried, and why.
    """

    def __init__(
        self,
        captioner: Captioner,
        manifest: Manifest | None = None,
        *,
        num_captions: int = 1,
        beam_width: int | None = None,
    ) -> None:
        self.captioner = captioner
        self.manifest = manifest or Manifest(None, "")
        self.num_captions = num_captions
        self.beam_width = beam_width
        self.broken: dict[Path, str] = {}
        self._tried: dict[Path, tuple[os.stat_result | None, float]] = {}

    def pending(self, photos: Sequence[Path]) -> list[Path]:
        """The photos that are not done; those that an earlier run could not read, unchanged since, become `broken`."""
        fresh = []
        for photo in photos:
            if not self.manifest.is_done(photo):
                fresh.append(photo)
            elif error := self.manifest.error(photo):
                self._breaks(photo, None, error)
        return fresh

    def run(self, photos: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> Iterator[Outcome]:
        """Yield what comes of each photo, in order; call `finish` with it once it is taken care of.

        Args:
            photos: as `pending` or `watch` gives them.
            progress: called with the photos done and those there are.
        """
        before: deque[os.stat_result | None] = deque()

        def noted() -> Iterator[Path]:
            for photo in photos:
                before.append(_status(photo))
                yield photo

        if progress and photos:
            progress(0, len(photos))  # the speed counts from here
        outcomes = self.captioner.stream(noted(), self.num_captions, beam_width=self.beam_width)
        for done, (photo, result) in enumerate(outcomes, 1):
            if progress:
                progress(done, len(photos))
            status, repeated = before.popleft(), False
            if isinstance(result, PhotoError) and not isinstance(result, NoCaptionError):
                repeated = self.broken.get(photo) == str(result)
                self._breaks(photo, status, str(result))
            else:
                self.broken.pop(photo, None)
            yield Outcome(photo, result, status, repeated)

    def finish(self, outcome: Outcome, *, rewritten: os.stat_result | None = None, lasting: bool = True) -> None:
        """Remember an outcome as done; but for a photo that was not there, or that nobody may read.

        Args:
            outcome: what `run` gave.
            rewritten: the photo's status after its caption was written into it.
            lasting: whether the next process is to know of it, too.

        Raises:
            ShowtellError: the manifest cannot be written.
        """
        if not isinstance(outcome.result, PhotoUnavailableError):
            self.manifest.add(outcome.photo, outcome.to_dict(), rewritten=rewritten, lasting=lasting)

    def watch(self, find: Callable[[], Sequence[Path]]) -> Iterator[list[Path]]:
        """Yield, every second and without end, the photos that have come, have changed or are to be tried again.

        A photo that is being written is left to the next time; one that could not be read is tried again when it
        changes, or after a minute.

        Args:
            find: the photos that are there now.
        """
        while True:
            time.sleep(_POLL_SECONDS)
            found = [(photo, self.manifest.is_settled(photo)) for photo in find()]
            due = [photo for photo, settled in found if not self.manifest.is_done(photo) and settled]
            yield [photo for photo in due if photo not in self.broken or self._may_be_whole(photo)]

    def _breaks(self, photo: Path, before: os.stat_result | None, error: str) -> None:
        self.broken[photo] = error
        self._tried[photo] = before, time.monotonic()

    def _may_be_whole(self, photo: Path) -> bool:
        before, when = self._tried[photo]
        now = _status(photo)
        changed = before is None or now is None or not same_version(before, now)
        return changed or time.monotonic() - when >= _RETRY_SECONDS


def _status(photo: Path) -> os.stat_result | None:
    try:
        return photo.stat()
    except (OSError, ValueError):
        return None
