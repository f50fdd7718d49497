from __future__ import annotations

import json

import pytest

from showtell.errors import DatasetError
from showtell.evaluation.coco import read_results
from showtell.evaluation.records import EvaluationRecord

REFERENCES = {
    "images": [{"id": 7, "file_name": "seven.jpg"}, {"id": 3}, {"id": 5, "file_name": "five.jpg"}],
    "annotations": [
        {"image_id": 3, "id": 1, "caption": "a cat"},
        {"image_id": 7, "id": 2, "caption": "a dog"},
        {"image_id": 5, "id": 3, "caption": "a horse"},
        {"image_id": 7, "id": 4, "caption": "the dog"},
    ],
}
RESULTS = [{"image_id": 3, "caption": "One cat."}, {"image_id": 7, "caption": "One dog."}]


@pytest.fixture
def read(tmp_path):
    """Read results and references that are given as objects, or as text."""

    def run(results, references):
        for name, content in (("results.json", results), ("references.json", references)):
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return read_results(tmp_path / "results.json", tmp_path / "references.json")

    return run


def test_photos_are_in_the_order_of_the_annotations_file(read):
    records, silent = read(RESULTS, REFERENCES)
    assert records == [
        EvaluationRecord("seven.jpg", "One dog.", ("a dog", "the dog")),
        EvaluationRecord("3", "One cat.", ("a cat",)),
    ]
    assert silent == ["five.jpg"]


def test_the_file_need_not_name_the_photos(read):
    records, silent = read(RESULTS, {"annotations": REFERENCES["annotations"]})
    assert [record.file for record in records] == ["3", "7"]
    assert silent == ["5"]


def test_ids_may_be_text(read):
    entry = [{"image_id": "x", "caption": "a"}]
    assert read(entry, {"annotations": entry}) == ([EvaluationRecord("x", "a", ("a",))], [])


def test_photos_of_one_name_are_told_apart(read):
    images = [{"id": 3, "file_name": "a.jpg"}, {"id": 7, "file_name": "a.jpg"}, {"id": 5, "file_name": "b.jpg"}]
    records, silent = read(RESULTS, REFERENCES | {"images": images})
    assert [record.file for record in records] == ["a.jpg (3)", "a.jpg (7)"]
    assert silent == ["b.jpg"]


@pytest.mark.parametrize(
    ("results", "references", "message"),
    [
        ("[", REFERENCES, "results.json: not JSON"),
        ("[" * 100_000, REFERENCES, "results.json: not JSON"),
        ('[{"image_id": %s}]' % ("9" * 5000), REFERENCES, "results.json: not JSON"),
        ([], "[" * 100_000, "references.json: not JSON"),
        ({}, REFERENCES, "results.json: expected a list"),
        ([], REFERENCES, "results.json: there is no caption"),
        ([{"image_id": 3}], REFERENCES, "entry 0 is {'image_id': 3}, expected an image_id and a caption"),
        ([RESULTS[0], RESULTS[0]], REFERENCES, "photo 3 has two captions"),
        ([{"image_id": 4, "caption": "a"}], REFERENCES, "photo 4 has no reference in .*references.json"),
        (RESULTS, [], "references.json: expected an object with annotations"),
        (RESULTS, {}, "references.json: expected a list"),
        (RESULTS, {"annotations": [{"image_id": 1}]}, "annotation 0 is"),
    ],
)
def test_what_cannot_be_read_is_refused(read, results, references, message):
    with pytest.raises(DatasetError, match=message):
        read(results, references)
