"""Coverage-guided: `python -m tests.campaign.fuzz PARSER [options of libFuzzer]`, where `pip install atheris` has been.

The parsers are those of `parsers.PARSERS`. What breaks one is left in the current folder; put it into the corpus when
it is mended. `-max_total_time=60` ends after a minute.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> None:
    """Try inputs until one breaks the parser, or the time is over."""
    import atheris

    with atheris.instrument_imports(include=["showtell"]):
        from campaign.parsers import CORPUS, PARSERS, parse
    name, options = sys.argv[1], sys.argv[2:]
    if name not in PARSERS:
        sys.exit(f"there is no parser {name!r}, expected one of {', '.join(PARSERS)}")
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as found:
        # libFuzzer adds to the first
        atheris.Setup([sys.argv[0], "-timeout=20", *options, found, str(CORPUS / name)], lambda data: parse(name, data))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
