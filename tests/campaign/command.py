"""The command: parts of the campaign, one after the other, and the table of what came of them."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections import Counter
from importlib import import_module
from pathlib import Path

from campaign.tally import Tally, table

PARTS = ("kills", "photos", "parsers", "files", "serve", "layers")


def main() -> None:
    """Exit status 1 if something broke; what it broke on is then kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description="Kills, mutates, overloads, fuzzes.")
    parser.add_argument("--minutes", type=float, required=True, help="for how long, divided among the parts")
    parser.add_argument("--seed", type=int, default=0, help="of all randomness")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"those to do, of {','.join(PARTS)}")
    given = parser.parse_args()
    parts = given.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {unknown.pop()!r}")
    seconds = given.minutes * 60 / len(parts)
    folder = Path(tempfile.mkdtemp(prefix="showtell-campaign-"))
    tallies: list[Tally] = []
    for part in parts:
        print(f"{part}: {seconds:.0f} s", file=sys.stderr, flush=True)
        tallies += [import_module(f"campaign.{part}").campaign(folder / part, given.seed, seconds)]
    print(table(tallies))
    broken = [what.strip() for tally in tallies for what in tally.broken]
    if broken:
        kinds = {_kind(what): what for what in reversed(broken)}
        counts = Counter(map(_kind, broken))
        for kind, first in reversed(kinds.items()):
            print(f"\n{counts[kind]} times:\n{first}", file=sys.stderr)
        print(f"\n{len(broken)} broken with seed {given.seed}; what was used lies in {folder}", file=sys.stderr)
        sys.exit(1)
    shutil.rmtree(folder)


def _kind(what: str) -> str:
    """What broke, and in which line of code, numbers aside."""
    *_, last = what.splitlines()
    places = [line for line in what.splitlines() if line.startswith("  File ")]
    return re.sub(r"\d+", "0", f"{places[-1:]} {last}")
