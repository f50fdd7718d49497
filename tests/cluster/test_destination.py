"""Destinations: parts that are there as a whole or not at all, and nothing that was there is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="needs the extra cluster")

from pyarrow import parquet

from showtell.captioning.caption import Caption
from showtell.cluster.destination import Destination, Format
from showtell.cluster.source import Part
from showtell.errors import ShowtellError

PART = Part(64, 66, named=("a", "b"))
CAPTION = Caption("A cat.", -1.5, (("a", 0.5), ("cat", 0.25)), others=(Caption("A dog.", -2.0, (("a", 0.5),)),))
ROW, FAILURE = {"file": "\udce9.jpg", **CAPTION.to_dict()}, {"file": "b", "error": "b: is empty"}
SKIPPED = {"file": "c", "skipped": "c: is of one colour"}


@pytest.fixture(params=["parquet", "jsonl"])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Destination:
    format: Format = request.param
    return Destination(str(tmp_path / "out"), format)


def rows(destination: Destination, kind: str) -> list[dict[str, object]]:
    (file,) = Path(destination.folder, kind).iterdir()
    if destination.format == "jsonl":
        return [json.loads(line) for line in file.read_text().splitlines()]
    return parquet.read_table(file).to_pylist()


def test_what_is_written_is_complete(destination: Destination) -> None:
    about = {"captioner": "x", "beam": None}
    assert destination.begin(about) == {}
    destination.write(PART, [ROW], [FAILURE, SKIPPED])
    name = f"000000000064-000000000066.{destination.format}"
    assert destination.begin(about) == {name: 1}
    assert destination.name_of(PART) == name
    (caption,), failures = rows(destination, "captions"), rows(destination, "failures")
    assert [{name: text for name, text in row.items() if text} for row in failures] == [FAILURE, SKIPPED]
    assert caption["file"] == ("\udce9.jpg" if destination.format == "jsonl" else "\\udce9.jpg")
    assert {**caption, "file": ""} == {**ROW, "file": ""} | (
        {} if destination.format == "jsonl" else {"others": [ROW["others"][0]]}
    )


def test_a_part_is_the_same_bytes_each_time_and_leaves_no_old_failure(destination: Destination) -> None:
    destination.write(PART, [ROW], [FAILURE])
    (file,) = Path(destination.folder, "captions").iterdir()
    before = file.read_bytes()
    destination.write(PART, [ROW], [])
    assert file.read_bytes() == before
    assert [*Path(destination.folder, "failures").iterdir()] == []


def test_failures_alone_are_no_complete_part(destination: Destination) -> None:
    destination.begin({})
    destination.write(PART, [], [FAILURE])
    next(Path(destination.folder, "captions").iterdir()).unlink()
    assert destination.begin({}) == {}


def test_what_was_made_otherwise_is_not_gone_on_with(destination: Destination) -> None:
    destination.begin({"captioner": "x", "beam": 3})
    with pytest.raises(ShowtellError, match="made with another captioner and beam; name another folder"):
        destination.begin({"captioner": "y", "beam": 4})
    Path(destination.folder, "about.json").write_text("[")
    with pytest.raises(ShowtellError, match=r"about\.json: is damaged"):
        destination.begin({"captioner": "x"})


def test_a_folder_of_something_else_is_left_alone(destination: Destination) -> None:
    Path(destination.folder).mkdir()
    Path(destination.folder, "notes.txt").write_text("mine")
    with pytest.raises(ShowtellError, match=r"holds other files, such as notes\.txt"):
        destination.begin({})
    assert [path.name for path in Path(destination.folder).iterdir()] == ["notes.txt"]
