"""Captions of a captioner, written for photo software with their origin."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from showtell import __version__
from showtell.metadata.record import Record
from showtell.metadata.writing import Change, write_embedded, write_sidecar

if TYPE_CHECKING:
    from showtell.captioning.caption import Caption


class CaptionWriter:
    """Writes captions as XMP.

    Args:
        target: `xmp` writes a file beside each photo, `embed` the photo itself.
        model: which captioner, and the identity of its encoder.
        overwrite: also replace a person's words.
        dry_run: write nothing, only say what would be written.
    """

    def __init__(
        self, target: Literal["xmp", "embed"], model: str, *, overwrite: bool = False, dry_run: bool = False
    ) -> None:
        self.target = target
        self.model = model
        self.overwrite = overwrite
        self.dry_run = dry_run
        self._rewritten: dict[Path, os.stat_result] = {}

    def write(self, photo: Path, caption: Caption, before: os.stat_result | None = None) -> Change:
        """Write the caption of a photo, which must still be as it was `before` it was captioned.

        Raises:
            PhotoError: as of `write_sidecar` and `write_embedded`. Every file is then as it was.
        """
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        record = Record(caption.text, self.model, __version__, now, caption.confidence)
        put = write_sidecar if self.target == "xmp" else write_embedded
        place = photo.resolve()
        # a photo that has two names was changed in the meantime, by us
        before = self._rewritten.get(place, before)
        change = put(photo, record, of=before, overwrite=self.overwrite, dry_run=self.dry_run)
        if change.status is not None and self.target == "embed":
            self._rewritten[place] = change.status
        return change
