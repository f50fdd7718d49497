from __future__ import annotations

import base64
import io
from html.parser import HTMLParser

import pytest
from PIL import Image

from conftest import PHOTOS
from showtell.errors import PhotoError
from showtell.evaluation.records import EvaluationRecord
from showtell.evaluation.report import report
from showtell.evaluation.table import Row
from showtell.metrics import score

FILES = sorted([*PHOTOS.glob("*.png"), *PHOTOS.glob("*.jpg")])[:5]
CAPTIONS = ["a dog", "a cat & a <b>dog</b>", 'say "go"', "two cats", "a horse"]
RECORDS = [
    EvaluationRecord(str(file), caption, (caption, "x < y")) for file, caption in zip(FILES, CAPTIONS, strict=True)
]
ROWS = [Row("photos", 5), Row("CIDEr-D", 0.5, (0.25, 0.75))]


class Page(HTMLParser):
    """What is on a page: the tags with their attributes, the text, and tags that were opened and not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data.strip())


@pytest.fixture(scope="module")
def text() -> str:
    captions, references = [record.caption for record in RECORDS], [record.references for record in RECORDS]
    return report("runs/<one>", ROWS, RECORDS, score(captions, references))


def test_captions_references_and_figures_are_shown_as_they_are(text):
    page = Page(text)
    assert page.open == []
    for shown in ("runs/<one>", *CAPTIONS, "x < y", "photos", "0.5000", "0.2500 to 0.7500", "The best", "The worst"):
        assert shown in page.text
    assert sum(tag == "figure" for tag, _ in page.tags) == 3 * len(RECORDS)
    assert "b" not in {tag for tag, _ in page.tags}
    assert {attrs["alt"] for tag, attrs in page.tags if tag == "img"} == set(CAPTIONS)


def test_the_page_needs_nothing_else(text):
    page = Page(text)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object"})
    assert "url(" not in text
    assert "http" not in text
    for tag, attrs in page.tags:
        assert "href" not in attrs
        if tag == "img":
            kind, _, data = attrs["src"].partition("base64,")
            assert kind == "data:image/jpeg;"
            assert max(Image.open(io.BytesIO(base64.b64decode(data))).size) <= 360


def test_best_first_and_worst_first():
    records = [EvaluationRecord(str(FILES[0]), f"{word} one", (f"{word} one",)) for word in "abc"]
    records[1] = EvaluationRecord(str(FILES[1]), "nothing alike", records[1].references)
    scores = score([record.caption for record in records], [record.references for record in records])
    page = Page(report("t", ROWS, records, scores))
    names = [attrs["alt"] for tag, attrs in page.tags if tag == "img"]
    assert names[:3] == ["a one", "c one", "nothing alike"]
    assert names[3] == "nothing alike"


def test_a_photo_that_is_gone(tmp_path):
    record = EvaluationRecord(str(tmp_path / "gone.jpg"), "a", ("a",))
    with pytest.raises(PhotoError, match=r"gone\.jpg"):
        report("t", ROWS, [record], score(["a"], [["a"]]))
