from __future__ import annotations

import json
from pathlib import Path

import pytest

from showtell.evaluation.records import EvaluationRecord, write_records
from showtell.metrics import score

ANIMALS = ["dog", "cat", "horse", "cow"]


def write(path: Path, captions: list[str], files: list[str] = ANIMALS) -> Path:
    records = [
        EvaluationRecord(file, caption, (f"a {file} runs",)) for file, caption in zip(files, captions, strict=True)
    ]
    write_records(path, records, score(captions, [record.references for record in records]))
    return path


def test_the_better_one(showtell, tmp_path: Path) -> None:
    before = write(tmp_path / "before.jsonl", ["a dog"] * 4)
    after = write(tmp_path / "after.jsonl", [f"a {name} runs" for name in reversed(ANIMALS)], ANIMALS[::-1])
    lines = showtell("compare", before, after).out.splitlines()
    assert lines[0].split() == ["before", "after", "change", "95", "%", "interval", "p"]
    assert [line.split()[0] for line in lines[1:]] == [*("CIDEr-D", "BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L")]
    found = json.loads(showtell("compare", before, after, "--json").out)
    assert found["photos"] == 4
    assert found["BLEU-1"]["after"] == pytest.approx(1)
    assert found["BLEU-1"]["change"] == pytest.approx(found["BLEU-1"]["after"] - found["BLEU-1"]["before"])
    low, high = found["ROUGE-L"]["interval"]
    assert 0 < low < high


@pytest.mark.parametrize("files", [["dog", "cat", "horse", "hen"], ["dog", "cat", "horse"]])
def test_other_photos_are_refused(showtell, tmp_path: Path, files: list[str]) -> None:
    before = write(tmp_path / "before.jsonl", ["a dog"] * 4)
    after = write(tmp_path / "after.jsonl", ["a dog"] * len(files), files)
    result = showtell("compare", before, after)
    assert (result.status, result.out) == (1, "")
    assert "differ in" in result.err
    assert "compare captions of the same photos" in result.err


def test_a_photo_twice_is_refused(showtell, tmp_path: Path) -> None:
    before = write(tmp_path / "before.jsonl", ["a dog", "a cat"], ["dog", "dog"])
    result = showtell("compare", before, before)
    assert result.status == 1
    assert "before.jsonl: dog is there twice" in result.err


def test_what_evaluate_and_score_wrote_of_the_same_photos(showtell, tmp_path: Path) -> None:
    before = write(tmp_path / "before.jsonl", ["a dog"] * 4)
    lines = [json.loads(line) for line in before.read_text().splitlines()]
    after = tmp_path / "after.jsonl"
    after.write_text("".join(json.dumps(line | {"file": f"/data/images/{line['file']}"}) + "\n" for line in lines))
    result = showtell("compare", before, after)
    assert (result.status, result.err) == (0, "")
