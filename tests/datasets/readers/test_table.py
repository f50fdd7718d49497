from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.datasets import read_dataset
from showtell.datasets.readers.table import _csv_rows, is_table, read_table
from showtell.errors import DatasetError


@pytest.fixture
def folder(tmp_path, write_photos) -> Path:
    write_photos(tmp_path / "images", "a.jpg", "b.jpg", "c.jpg")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", 'file,caption,split\na.jpg,"A cat, grey",train\nb.jpg,A dog,val\na.jpg,Tom,train\n'),
        ("t.csv", "split;Photo; TEXT \r\ntrain;a.jpg;A cat, grey\r\nval;b.jpg;A dog\r\ntrain;a.jpg;Tom\r\n"),
        (
            "t.tsv",
            "\ufeffimage\tsentence\tSplit\na.jpg\tA cat, grey\tTRAIN\nb.jpg\tA dog\tdev\na.jpg\tTom\ttrain",
        ),
        (
            "t.txt",
            '"file_name","caption","split"\n"a.jpg","A cat,\ngrey","train"\nb.jpg,A dog,val\na.jpg,Tom,train',
        ),
        (
            "t.jsonl",
            '{"Path": "a.jpg", "captions": ["A cat, grey", "Tom"], "split": "train"}\n\n'
            '{"filename": "b.jpg", "caption": "A dog", "split": "val", "width": 3}\n',
        ),
    ],
)
def test_the_same_table_in_five_dialects(folder, found, problems, name, text) -> None:
    (folder / name).write_text(text, encoding="utf-8", newline="")
    dataset = read_table(folder / name)
    assert found(dataset) == {"a.jpg": ("train", ("A cat, grey", "Tom")), "b.jpg": ("val", ("A dog",))}
    assert problems(dataset) == [("no captions", "c.jpg")]


def test_without_a_split_a_hash_divides_and_with_one_a_photo_needs_it(folder, found, problems) -> None:
    table = folder / "t.csv"
    table.write_text("file,caption\na.jpg,x\nb.jpg,y\nc.jpg,z\n")
    assert {split for split, _ in found(read_table(table)).values()} == {"train", "val"}
    table.write_text("file,caption,split\na.jpg,x,train\nb.jpg,y,\nc.jpg,z,train\n")
    dataset = read_table(table)
    assert list(found(dataset)) == ["a.jpg", "c.jpg"]
    assert problems(dataset) == [("no split", "b.jpg")]


def test_malformed_lines_of_a_csv_are_named_and_cost_no_other_line(folder, found, problems) -> None:
    lines = [
        "file,caption",
        "a.jpg,A cat, grey",
        'b.jpg,"never closed',
        "b.jpg,A dog",
        'c.jpg,"Stop" sign',
        "c.jpg",
        ",no name",
        "",
        "c.jpg,",
        'c.jpg,"She said ""Stop"""',
        'a.jpg,"open to the end',
        "a.jpg,A cat",
    ]
    (folder / "t.csv").write_text("\n".join(lines))
    dataset = read_table(folder / "t.csv")
    captions = {name: captions for name, (_, captions) in found(dataset).items()}
    assert captions == {"b.jpg": ("A dog",), "c.jpg": ('She said "Stop"',), "a.jpg": ("A cat",)}
    assert problems(dataset) == [
        ("malformed entry", "t.csv:2"),
        ("malformed entry", "t.csv:3"),
        ("malformed entry", "t.csv:5"),
        ("malformed entry", "t.csv:6"),
        ("malformed entry", "t.csv:7"),
        ("empty caption", "t.csv:9"),
        ("malformed entry", "t.csv:11"),
    ]
    assert dataset.problems[0].detail == "3 fields, expected 2; put a field that holds ',' into \"...\""


def test_malformed_lines_of_json_are_named(folder, found, problems) -> None:
    lines = [
        '{"file": "a.jpg", "caption": "A cat"}',
        '{"file": "a.jpg", "caption": ',
        '["a.jpg", "A cat"]',
        '{"file": 7, "caption": "x"}',
        '{"file": "b.jpg"}',
        '{"file": "b.jpg", "captions": ["A dog", 5, null, " "]}',
        "[" * 100_000,
        '{"file": "c.jpg", "text": "A cow"}',
    ]
    (folder / "t.jsonl").write_text("\n".join(lines))
    dataset = read_table(folder / "t.jsonl")
    assert [captions for _, captions in found(dataset).values()] == [("A cat",), ("A dog",), ("A cow",)]
    assert problems(dataset) == [
        *(("malformed entry", f"t.jsonl:{line}") for line in (2, 3, 4, 5, 6, 6)),
        ("empty caption", "t.jsonl:6"),
        ("malformed entry", "t.jsonl:7"),
    ]


@pytest.mark.parametrize("text", ["a.jpg,A cat\n", "", "name,caption\n", "file;picture\n"])
def test_a_first_line_without_the_columns_is_an_error_that_says_which(folder, text) -> None:
    (folder / "t.csv").write_text(text)
    with pytest.raises(DatasetError, match=r"t\.csv:1: .* names no columns; expected one of file, .*caption"):
        read_table(folder / "t.csv")
    assert not is_table(folder / "t.csv")


def test_names_are_relative_to_the_table_too(tmp_path, write_photos, found) -> None:
    write_photos(tmp_path, "images/a.jpg", "images/b.jpg")
    (tmp_path / "t.csv").write_text("file,caption,split\nimages/a.jpg,A cat,train\nimages/b.jpg, A dog,train\n")
    assert found(read_table(tmp_path / "t.csv"))["b.jpg"] == ("train", ("A dog",))


rows = st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=6)


@settings(max_examples=100, deadline=None)
@given(rows=rows, delimiter=st.sampled_from(",;\t"))
@pytest.mark.slow
def test_whatever_the_csv_module_writes_is_read_back(tmp_path_factory, rows, delimiter) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([("file", "caption"), *rows])
    read = [row for _, row in _csv_rows(path)]
    assert read == [{"file": [name], "caption": [caption]} for name, caption in rows]


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_give_rows_or_a_data_set_error(tmp_path_factory, data) -> None:
    folder = tmp_path_factory.mktemp("any")
    for name, head in (("t.csv", b"file,caption\n"), ("t.jsonl", b"")):
        (folder / name).write_bytes(head + data)
        with pytest.raises(DatasetError):
            read_table(folder / name)


def test_json_rows_and_csv_rows_agree(folder, found) -> None:
    (folder / "t.csv").write_text("file,caption\na.jpg,é\nb.jpg,ß\n", encoding="utf-8")
    (folder / "t.jsonl").write_text(
        "\n".join(json.dumps({"file": f, "caption": c}) for f, c in [("a.jpg", "é"), ("b.jpg", "ß")])
    )
    assert found(read_table(folder / "t.csv")) == found(read_table(folder / "t.jsonl"))


@pytest.mark.parametrize(
    "header",
    ["file,caption,caption,Caption", "file,caption,caption.1,caption.2", "file,caption_1,caption_2,caption 3"],
)
def test_all_captions_of_a_row_are_read(folder, found, header) -> None:
    (folder / "t.csv").write_text(f"{header}\na.jpg,one,two,three\nb.jpg,four,five,six\n")
    assert [captions for _, captions in found(read_table(folder / "t.csv")).values()] == [
        ("one", "two", "three"),
        ("four", "five", "six"),
    ]


@pytest.mark.parametrize("header", ["file,caption,file", "split,file,caption,split"])
def test_a_column_for_one_value_that_is_there_twice_is_refused(folder, header) -> None:
    (folder / "t.csv").write_text(f"{header}\n")
    with pytest.raises(DatasetError, match=r"t\.csv:1: the column (file|split) is there 2 times; keep one"):
        read_table(folder / "t.csv")


@pytest.mark.parametrize(
    ("cell", "captions"),
    [
        ('["Two men", "Two, outside"]', ("Two men", "Two, outside")),
        ('[\'Two men\', "it\'s \\"two\\""]', ("Two men", 'it\'s "two"')),
        ("['Two men' 'Two guys']", ("Two men", "Two guys")),
        ("['Two men'\n 'Two guys']", ("Two men", "Two guys")),
        ("('Two men', 'Two guys')", ("Two men", "Two guys")),
        ("('Two men',)", ("Two men",)),
        ("(blurred)", ("(blurred)",)),
        ("[blurred]", ("[blurred]",)),
        ("[1, 2]", ("[1, 2]",)),
        ("['open, 'x']", ("['open, 'x']",)),
        ("[a] dog [b]", ("[a] dog [b]",)),
    ],
)
def test_a_list_in_a_cell_is_its_captions(folder, found, cell, captions) -> None:
    with (folder / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "captions"), ("a.jpg", cell), ("b.jpg", "A dog")])
    (folder / "t.jsonl").write_text(json.dumps({"file": "a.jpg", "caption": cell}))
    assert found(read_table(folder / "t.csv"))["a.jpg"][1] == captions
    assert found(read_table(folder / "t.jsonl"))["a.jpg"][1] == captions


def test_a_list_in_json_is_read_as_its_lines(folder, found, problems) -> None:
    entries = [{"image": "a.jpg", "caption": ["A cat", "Tom"], "image_id": "x"}, 7, {"image": "b.jpg", "Text": "A dog"}]
    (folder / "train.json").write_text(json.dumps(entries))
    dataset = read_dataset(folder / "train.json")
    assert [captions for _, captions in found(dataset).values()] == [("A cat", "Tom"), ("A dog",)]
    assert problems(dataset)[0] == ("malformed entry", "train.json:[1]")
    (folder / "train.json").rename(folder / "captions.json")
    assert found(read_dataset(folder)) == found(dataset)
    (folder / "captions.json").write_text("[]")
    with pytest.raises(DatasetError, match="names no photo"):
        read_dataset(folder)


def test_the_photos_column_is_that_which_names_files(folder, found) -> None:
    (folder / "t.csv").write_text("image,filename,caption\n7,a.jpg,A cat\n8,b.jpg,A dog\n")
    assert list(found(read_table(folder / "t.csv"))) == ["a.jpg", "b.jpg"]
    (folder / "t.jsonl").write_text(
        '{"image": 7, "path": "a.jpg", "caption": "A cat"}\n{"image": "b.jpg", "caption": "A dog"}\n'
    )
    assert list(found(read_table(folder / "t.jsonl"))) == ["a.jpg", "b.jpg"]
    assert list(found(read_table(folder / "t.jsonl", folder / "images"))) == ["a.jpg", "b.jpg"]


def test_stray_quotation_mark_swallows_no_rows(folder, found, problems) -> None:
    lines = [
        "file,caption",
        'a.jpg,"A dog',
        "b.jpg,A cat",
        'c.jpg,A stick of 5"',
        'a.jpg,"one',
        'two"',
        'b.jpg, "x, y"',
    ]
    (folder / "t.csv").write_text("\n".join(lines))
    dataset = read_table(folder / "t.csv")
    assert {name: captions for name, (_, captions) in found(dataset).items()} == {
        "b.jpg": ("A cat", "x, y"),
        "c.jpg": ('A stick of 5"',),
        "a.jpg": ("one two",),
    }
    assert problems(dataset) == [("malformed entry", "t.csv:2")]


@pytest.mark.parametrize("row", ['a.jpg",",', 'a,"', 'x,a.jpg"', '"'])
def test_rows_that_each_open_a_mark_are_read_in_time(folder, row) -> None:
    # Each read to the end of the file would take hours
    (folder / "t.csv").write_text("file,caption\n" + f"{row}\n" * 20_000)
    assert 200 <= len(list(_csv_rows(folder / "t.csv"))) <= 20_000


def test_a_row_without_captions_is_named(folder, problems) -> None:
    rows = [{"file": "gone.jpg", "captions": []}, {"file": "b.jpg", "captions": []}, {"file": "a.jpg", "caption": "A"}]
    (folder / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert problems(read_table(folder / "t.jsonl")) == [
        ("missing photo", "gone.jpg"),
        ("no captions", "b.jpg"),
        ("no captions", "c.jpg"),
    ]
