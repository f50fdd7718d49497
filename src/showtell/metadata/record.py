"""The record written with a caption: its text and origin."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Record:
    """A caption and its origin."""

    caption: str
    model: str
    """Which captioner, and the identity of its encoder."""
    version: str
    """showtell's."""
    date: str
    """ISO 8601, with the time zone."""
    confidence: float | None = None

    def fields(self) -> dict[str, str]:
        """The record as XMP holds it, by name; without a confidence where the captioner has none."""
        fields = {"Caption": clean(self.caption), "Model": clean(self.model), "Version": self.version}
        if self.confidence is not None:
            fields["Confidence"] = f"{self.confidence:.3f}"
        return fields | {"Date": self.date}


def clean(text: str) -> str:
    """Return `text` without the characters that XML cannot hold, and without space around it."""
    return _NOT_XML.sub("", text).strip()
