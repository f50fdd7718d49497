"""Sources: what is in them, and how they are cut."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="needs the extra cluster")

import pyarrow
from pyarrow import parquet

from showtell.cluster.source import Part, find_source
from showtell.errors import ShowtellError


def no_local(path: str) -> list[Path]:
    raise AssertionError(f"{path} is a table")


def photos_of(parts: tuple[Part, ...]) -> list[tuple[str, str | bytes]]:
    return [photo for part in parts for photo in part.photos()]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 1000, 20_000])
def test_every_photo_is_in_one_part(count: int) -> None:
    source = find_source(["all"], lambda path: [Path(f"{number}.jpg") for number in range(count)])
    assert source.photos == count
    assert photos_of(source.parts) == [(f"{number}.jpg", f"{number}.jpg") for number in range(count)]
    ends = [part.stop for part in source.parts]
    assert [part.start for part in source.parts] == [0, *ends[:-1]]
    # searched in whole batches, all but the last
    assert all((part.stop - part.start) % 64 == 0 for part in source.parts[:-1])


def test_no_part_is_too_large() -> None:
    source = find_source(["all"], lambda path: [Path("a.jpg")] * 1_100_000)
    assert max(part.stop - part.start for part in source.parts) == 4096


def test_the_same_list_has_the_same_identity() -> None:
    one, two, other = (find_source(["all"], lambda path, p=p: [Path(n) for n in p]) for p in ("ab", "ab", "ba"))
    assert one == two
    assert one.identity != other.identity


@pytest.mark.parametrize("rows", [1, 64, 300])
@pytest.mark.parametrize("group", [1, 7, 1000])
def test_a_parquet_table_of_bytes_is_read_where_its_parts_are(tmp_path: Path, rows: int, group: int) -> None:
    table = tmp_path / "photos.parquet"
    names, content = [f"{number}" for number in range(rows)], [bytes([number % 256]) for number in range(rows)]
    parquet.write_table(pyarrow.table({"bytes": content, "file": names, "x": names}), table, row_group_size=group)
    source = find_source([str(table), str(table)], no_local)
    assert source.photos == 2 * rows
    assert photos_of(source.parts) == [*zip(names, content, strict=True)] * 2


def test_a_table_s_paths_are_beside_it(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"image": ["a.jpg", "/b.jpg", None]}), tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text("".join(json.dumps({"path": p}) + "\n" for p in ("c.jpg", "s3://d/e.jpg")))
    source = find_source([str(tmp_path / "a.parquet"), str(tmp_path / "b.jsonl")], no_local)
    third = f"{tmp_path}/a.parquet#2"
    assert photos_of(source.parts) == [
        ("a.jpg", f"{tmp_path}/a.jpg"),
        ("/b.jpg", "/b.jpg"),
        (third, b""),
        (f"{tmp_path}/c.jpg", f"{tmp_path}/c.jpg"),
        ("s3://d/e.jpg", "s3://d/e.jpg"),
    ]


def write_columns(path: Path) -> None:
    parquet.write_table(pyarrow.table({"caption": ["a"], "bytes": ["text"]}), path)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.parquet", write_columns, "a.parquet: has the columns caption, bytes; expected one of file"),
        ("a.parquet", lambda path: path.write_bytes(b"PAR1 no"), "a.parquet: is no Parquet file"),
        ("a.parquet", lambda path: None, "a.parquet: cannot be read"),
        ("a.jsonl", lambda path: path.write_text('{"file": "a"}\n[]\n'), "a.jsonl:2: names no photo"),
        ("a.jsonl", lambda path: path.write_text('{"file": 3}\n'), "a.jsonl:1: names no photo"),
        ("a.jsonl", lambda path: path.write_text("{"), "a.jsonl:1: names no photo"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, write: Callable[[Path], object], message: str
) -> None:
    write(tmp_path / name)
    with pytest.raises(ShowtellError, match=message):
        find_source([str(tmp_path / name)], no_local)
