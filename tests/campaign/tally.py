"""What came of a part's cases, and the table of all parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts of one kind of cases.

    Attributes:
        part: the part of the campaign.
        what: what was done, in the plural: `mutated photos`.
        well: cases that ended as if nothing had been.
        refused: those that were refused, as such.
        broken: what happened in each of the others.
        most_mb: the most memory that a process held.
    """

    part: str
    what: str
    well: int = 0
    refused: int = 0
    broken: list[str] = field(default_factory=list)
    most_mb: float = 0.0

    @property
    def cases(self) -> int:
        return self.well + self.refused + len(self.broken)


def table(tallies: Iterable[Tally]) -> str:
    """The tallies in Markdown."""
    names = ("what", "how many", "ended well", "refused as such", "broken", "memory at most")
    lines = [f"| {' | '.join(names)} |", "| --- " + "| --: " * 5 + "|"]
    for tally in tallies:
        counts = (tally.cases, tally.well, tally.refused, len(tally.broken))
        memory = f"{tally.most_mb:,.0f} MB" if tally.most_mb else ""
        lines.append(f"| {tally.what} | {' | '.join(f'{count:,}' for count in counts)} | {memory} |")
    return "\n".join(lines)
