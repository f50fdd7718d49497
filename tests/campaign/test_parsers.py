from __future__ import annotations

import pytest

from campaign import parsers
from showtell.errors import ShowtellError

CORPUS = sorted(path for path in parsers.CORPUS.glob("*/*"))


def test_every_parser_has_a_corpus() -> None:
    assert {path.parent.name for path in CORPUS} == parsers.PARSERS.keys()


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_corpus(path) -> None:
    assert parsers.parse(path.parent.name, path.read_bytes()) in ("well", "refused")


@pytest.mark.parametrize(
    "refusal", [AssertionError("no error of showtell's"), ShowtellError("one line\nand another"), RecursionError()]
)
def test_what_is_no_refusal_breaks(refusal: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(data: bytes) -> None:
        raise refusal

    monkeypatch.setitem(parsers.PARSERS, "xmp", read)
    with pytest.raises((AssertionError, RecursionError)):
        parsers.parse("xmp", b"")
