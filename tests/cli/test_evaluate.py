from __future__ import annotations

import json
from pathlib import Path

import pytest

from showtell.captioning.captioner import Captioner
from showtell.captioning.confidence import Confidence
from showtell.datasets import read_dataset
from showtell.evaluation.calibration import calibration
from showtell.evaluation.confidence import calibration_data
from showtell.metrics import chair, score


def test_the_scores_of_what_it_writes(
    showtell, model: Path, drawn: Path, stored: Path, captioner: Captioner, tmp_path: Path
) -> None:
    words = ["evaluate", model, drawn, "--features", stored, "--quiet"]
    found = json.loads(showtell(*words, "--json", "--captions", tmp_path / "captions.jsonl").out)
    examples = read_dataset(drawn).split("val")
    written = captioner.caption([example.photo for example in examples])
    expected = score([caption.text for caption in written], [list(example.captions) for example in examples])
    assert found["photos"] == len(examples)
    for name, value in expected.named().items():
        assert found[name] == pytest.approx(value)
    assert found["intervals"].keys() == expected.named().keys()
    assert 0 <= found["new captions"] <= 1
    lines = [json.loads(line) for line in (tmp_path / "captions.jsonl").read_text().splitlines()]
    assert [line["caption"] for line in lines] == [caption.text for caption in written]
    assert sum(line["cider_d"] for line in lines) / len(lines) == pytest.approx(found["CIDEr-D"])
    table = showtell(*words, "--split", "dev").out.splitlines()
    assert table[0].split() == ["photos", str(len(examples))]
    assert [line.split("  ")[0] for line in table] == [name for name in found if name != "intervals"]


def test_calibration_is_reported(showtell, model: Path, drawn: Path, stored: Path, tmp_path: Path) -> None:
    words = [drawn, "--features", stored, "--quiet", "--json"]
    without = json.loads(showtell("evaluate", model, *words).out)
    captioner = Captioner.load(model)  # its weights are rounded
    captioner.confidence = Confidence(0.5, (1.0, 0.5, -0.1), (0.25, 0.0, 0.0))
    captioner.save(model)
    found = json.loads(showtell("evaluate", model, *words, "--report", tmp_path / "report.html").out)
    assert without.items() <= found.items()
    examples = read_dataset(drawn).split("val")
    of_captions, cider_d = calibration_data(
        captioner.caption([example.photo for example in examples]), [example.captions for example in examples]
    )
    expected = calibration(captioner.confidence.probability(of_captions), cider_d, 0.5).rows()
    for row in expected:
        assert found[row.name] == pytest.approx(row.value, abs=1e-3)
    assert found["CIDEr-D, expected"] == 0.25
    assert found.keys() - without.keys() == {"CIDEr-D, expected", *(row.name for row in expected)}
    assert "Brier" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_page_of_it(showtell, model: Path, drawn: Path, stored: Path, tmp_path: Path) -> None:
    words = ["evaluate", model, drawn, "--features", stored, "--quiet", "--report", tmp_path / "report.html"]
    assert showtell(*words).status == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "model.safetensors on drawn" in page
    assert page.count("<figure>") == 3 * min(12, len(read_dataset(drawn).split("val")))


def test_nothing_is_written_over(showtell, model: Path, drawn: Path, stored: Path, tmp_path: Path) -> None:
    page, photo = tmp_path / "index.html", next(drawn.rglob("*.png"))
    page.write_text("<!doctype html><title>Mine</title>")
    before = {path: path.read_bytes() for path in (page, photo, drawn / "captions.csv")}
    words = ["evaluate", model, drawn, "--features", stored, "--quiet"]
    outputs = [("--report", page), ("--report", photo), ("--captions", photo), ("--captions", drawn / "captions.csv")]
    for option, path in [*outputs, ("--captions", model), ("--report", tmp_path / "none" / "report.html")]:
        result = showtell(*words, option, path)
        assert (result.status, result.out, result.err.count("\n")) == (1, "", 1)
    assert {path: path.read_bytes() for path in before} == before
    for _ in range(2):
        assert showtell(*words, "--report", tmp_path / "report.html").status == 0


def test_missing_split_is_an_error(showtell, model: Path, drawn: Path, stored: Path) -> None:
    result = showtell("evaluate", model, drawn, "--split", "test", "--features", stored)
    assert result.status == 1
    assert "no photos with captions in its split 'test', only in train, val" in result.err


def test_chair_is_reported(showtell, model: Path, drawn: Path, stored: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "captions.csv").write_bytes((drawn / "captions.csv").read_bytes())
    examples = read_dataset(drawn).split("train")
    known = examples[:-1]
    (data / "objects.json").write_text(json.dumps({example.photo.name: ["dog"] for example in known}))
    words = ["evaluate", model, data, "--photos", drawn / "images", "--features", stored, "--quiet", "--json"]
    found = json.loads(showtell(*words, "--split", "train", "--captions", tmp_path / "captions.jsonl").out)
    lines = [json.loads(line) for line in (tmp_path / "captions.jsonl").read_text().splitlines()]
    expected = chair([line["caption"] for line in lines[:-1]], [["dog"]] * len(known), [e.captions for e in known])
    assert sum(len(photo.named) for photo in expected.per_photo) > 0
    assert found["photos with objects"] == len(known)
    for name, value in expected.named().items():
        assert found[name] == pytest.approx(value)
    assert [line["named"] for line in lines[:-1]] == [list(photo.named) for photo in expected.per_photo]
    assert [line["hallucinated"] for line in lines[:-1]] == [list(photo.hallucinated) for photo in expected.per_photo]
    assert [set(line["objects"]) for line in lines[:-1]] == [photo.present for photo in expected.per_photo]
    assert "objects" not in lines[-1]
    assert showtell("compare", tmp_path / "captions.jsonl", tmp_path / "captions.jsonl").status == 0
