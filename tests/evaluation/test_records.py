from __future__ import annotations

import json

import pytest

from showtell.errors import DatasetError
from showtell.evaluation.records import EvaluationRecord, by_photo, read_records, write_records
from showtell.metrics import score

RECORDS = [
    EvaluationRecord("a.jpg", "A dog – runs.", ("a dog", "runs\nfast", "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg")),
    EvaluationRecord("b.jpg", "", ("two cats",)),
]


def test_what_is_written_is_read_again(tmp_path):
    scores = score([record.caption for record in RECORDS], [record.references for record in RECORDS])
    write_records(tmp_path / "c.jsonl", RECORDS, scores)
    assert read_records(tmp_path / "c.jsonl") == RECORDS
    lines = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text("utf-8").split("\n")[:-1]]
    assert [line["cider_d"] for line in lines] == scores.cider_d_per_photo.tolist()
    assert [line["bleu_4"] for line in lines] == scores.bleu_per_photo[:, 3].tolist()
    assert [line["rouge_l"] for line in lines] == scores.rouge_l_per_photo.tolist()


GOOD = '{"file": "a", "caption": "b", "references": ["c"]}\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        (GOOD + "[]\n", ":2: expected a JSON object with file, caption and references"),
        (GOOD + "{", ":2: expected"),
        (GOOD + "\n", ":2: expected"),
        ("[" * 100_000, ":1: expected"),
        ('{"file": "a", "caption": "b", "references": []}', ":1: expected"),
        ('{"file": "a", "caption": "b", "references": "c"}', ":1: expected"),
        ('{"file": "a", "caption": "b", "references": [1]}', ":1: expected"),
        ('{"file": "a", "references": ["c"]}', ":1: expected"),
    ],
)
def test_invalid_record_is_refused(tmp_path, content, message):
    (tmp_path / "c.jsonl").write_text(content)
    with pytest.raises(DatasetError, match=message):
        read_records(tmp_path / "c.jsonl")


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        read_records(tmp_path / "c.jsonl")


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["/data/images/a.jpg", "/data/images/b.jpg"], ["a.jpg", "b.jpg"]),
        (["a.jpg", "b.jpg"], ["a.jpg", "b.jpg"]),
        (["val2014/a.jpg", "train2014/a.jpg"], ["val2014/a.jpg", "train2014/a.jpg"]),
        (["C:\\data\\x\\a.jpg", "C:\\data\\y\\a.jpg"], ["x/a.jpg", "y/a.jpg"]),
        (["/data/a.jpg"], ["a.jpg"]),
        (["a.jpg (3)", "a.jpg (4)"], ["a.jpg (3)", "a.jpg (4)"]),
    ],
)
def test_photos_are_known_by_their_names_in_their_folder(files: list[str], names: list[str]) -> None:
    records = [EvaluationRecord(file, "a dog", ("a cat",)) for file in files]
    assert by_photo(records) == dict(zip(names, records, strict=True))
