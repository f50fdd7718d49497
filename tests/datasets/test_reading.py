from __future__ import annotations

import gzip

import pytest

from showtell.datasets import reading
from showtell.datasets.reading import read_json, read_packed_text, read_text
from showtell.errors import DatasetError


def test_text_is_utf8_with_or_without_a_mark_and_else_named_by_its_line(tmp_path) -> None:
    file = tmp_path / "t.txt"
    file.write_bytes("\ufeffé\r\n".encode())
    assert read_text(file) == "é\r\n"
    file.write_bytes(b"one\ntwo\ncaf\xe9\n")
    with pytest.raises(DatasetError, match=r"t\.txt:3: byte 0xe9 is not UTF-8; save the file as UTF-8"):
        read_text(file)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_text(tmp_path)


def test_packed_text_is_unpacked_and_what_is_wrong_with_it_is_said(tmp_path, monkeypatch) -> None:
    file = tmp_path / "t.tsv.gz"
    file.write_bytes(gzip.compress("\ufeffé\t1\n".encode()))
    assert read_packed_text(file) == "é\t1\n"
    file.write_bytes(gzip.compress(b"one\ncaf\xe9\n"))
    with pytest.raises(DatasetError, match=r"t\.tsv\.gz:2: byte 0xe9 is not UTF-8"):
        read_packed_text(file)
    whole = gzip.compress(bytes(range(256)) * 40)
    for damaged in (b"plain text", whole[:-9], whole[:30] + b"\xff\xff\xff" + whole[33:]):
        file.write_bytes(damaged)
        with pytest.raises(DatasetError, match=r"t\.tsv\.gz: not gzip, or cut off .*copy it again"):
            read_packed_text(file)
    file.write_bytes(gzip.compress(b"x" * 1001))
    monkeypatch.setattr(reading, "_MAX_UNPACKED", 1000)
    with pytest.raises(DatasetError, match=r"unpacks to more than 1,000 bytes"):
        read_packed_text(file)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_packed_text(tmp_path)


def test_of_json_less_may_be_kept_and_what_is_none_is_said(tmp_path) -> None:
    file = tmp_path / "t.json"
    file.write_text('{"a": [{"b": 1}, {"c": 2}]}')
    assert read_json(file) == {"a": [{"b": 1}, {"c": 2}]}
    assert read_json(file, sorted) == ["a"]
    file.write_text('{"a": [')
    with pytest.raises(DatasetError, match=r"t\.json: not JSON .*complete"):
        read_json(file)
