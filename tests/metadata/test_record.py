from __future__ import annotations

import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from showtell.metadata.record import Record, clean


def test_fields(record: Record) -> None:
    assert record.fields() == {
        "Caption": "A dog runs.",
        "Model": "shipped, encoder e",
        "Version": "0.1.0",
        "Confidence": "0.250",
        "Date": "2026-01-02T03:04:05+01:00",
    }
    assert "Confidence" not in Record("A dog.", "m", "1", "d").fields()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (" A dog. \n", "A dog."),
        ("a\0b\x08c\x7f", "abc\x7f"),
        ("\ud800a\uffff", "a"),
        ("<\"a\" & 'b'>\n🐕", "<\"a\" & 'b'>\n🐕"),
    ],
)
def test_clean(text: str, kept: str) -> None:
    assert clean(text) == kept


@given(st.text(st.characters(exclude_categories=())))
def test_cleaned_text_is_valid_xml(text: str) -> None:
    ET.fromstring(f"<a>{escape(clean(text))}</a>".encode())
