from __future__ import annotations

import json
from pathlib import Path

import pytest

from showtell.evaluation.records import read_records
from showtell.metrics import score

ANIMALS = ["dog", "cat", "horse"]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """COCO's files: results, and references of one photo more."""
    results, references = tmp_path / "results.json", tmp_path / "references.json"
    results.write_text(json.dumps([{"image_id": i, "caption": f"A {name}."} for i, name in enumerate(ANIMALS)]))
    told = [{"image_id": i, "caption": f"a {name} runs"} for i, name in enumerate([*ANIMALS, "cow"])]
    references.write_text(json.dumps({"annotations": told}))
    return results, references


def test_any_captions_are_scored(showtell, files, tmp_path: Path) -> None:
    result = showtell("score", *files, "--json", "--captions", tmp_path / "captions.jsonl")
    assert (result.status, result.err) == (0, "showtell: left out: 1 photos without a caption, such as 3\n")
    found = json.loads(result.out)
    expected = score([f"A {name}." for name in ANIMALS], [[f"a {name} runs"] for name in ANIMALS])
    assert found["photos"] == 3
    for name, value in expected.named().items():
        assert found[name] == pytest.approx(value)
        assert len(found["intervals"][name]) == 2
    assert "METEOR" not in found
    assert "new captions" not in found
    assert [record.file for record in read_records(tmp_path / "captions.jsonl")] == ["0", "1", "2"]


def test_the_table(showtell, files) -> None:
    lines = showtell("score", *files).out.splitlines()
    assert lines[0].split() == ["photos", "3"]
    assert lines[1].startswith("CIDEr-D")
    assert " to " in lines[1]


@pytest.mark.parametrize("option", ["--meteor", "--spice"])
def test_a_score_whose_program_is_missing_is_never_invented(showtell, files, option: str, monkeypatch) -> None:
    monkeypatch.setattr("showtell.metrics.java.find_spec", lambda name: None)
    result = showtell("score", *files, option)
    assert (result.status, result.out) == (1, "")
    assert result.err.splitlines()[-1] == f"showtell: {option[2:].upper()} needs an extra: pip install 'showtell[java]'"


def test_missing_files_are_errors(showtell, tmp_path: Path) -> None:
    result = showtell("score", tmp_path / "a.json", tmp_path / "b.json")
    assert result.status == 1
    assert "a.json: cannot be read" in result.err


def test_where_captions_go_is_checked_before_the_work(showtell, files, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "album.json").write_text('[{"id": 1}]')
    names = ("none/captions.jsonl", "photo.jpg", "album.json", "results.json", "references.json", ".")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for name in names:
        result = showtell("score", *files, "--captions", tmp_path / name)
        assert (result.status, result.out, result.err.count("\n")) == (1, "", 1)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    for _ in range(2):
        assert showtell("score", *files, "--captions", tmp_path / "captions.jsonl").status == 0


def test_captions_that_cannot_be_written_cost_no_figures(showtell, files, tmp_path: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "captions.jsonl")

    monkeypatch.setattr("showtell.evaluation.records.write_atomically", full)
    result = showtell("score", *files, "--captions", tmp_path / "captions.jsonl")
    assert result.status == 1
    assert result.out.startswith("photos")
    assert "showtell: captions.jsonl: cannot be read or written (No space left on device)" in result.err
