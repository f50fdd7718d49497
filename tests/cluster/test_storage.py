"""Object stores: against a server of the S3 protocol on this machine."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="needs the extra cluster")

from PIL import Image

from conftest import PHOTOS
from showtell.captioning.captioner import Captioner
from showtell.cluster import storage
from showtell.cluster.captioning import Work, caption_part
from showtell.cluster.destination import Destination
from showtell.cluster.source import find_source
from showtell.errors import PhotoError, PhotoUnavailableError, ShowtellError


def picture(shade: int) -> bytes:
    """A photo, darkened."""
    data = io.BytesIO()
    with Image.open(PHOTOS / "coffee.png") as photo:
        photo.convert("RGB").resize((90, 60)).point(lambda value: value // shade).save(data, "PNG")
    return data.getvalue()


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The URI of a bucket with three photos, one of which is broken, and a text."""
    server = pytest.importorskip("moto.server", reason="there is no moto to serve S3").ThreadedMotoServer(
        ip_address="127.0.0.1", port=0, verbose=False
    )
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        from pyarrow.fs import S3FileSystem

        S3FileSystem(scheme="http", endpoint_override=f"{host}:{port}", allow_bucket_creation=True).create_dir("photos")
        for name, data in {"a/1 50%.png": picture(1), "a/2.png": b"none", "b/3.PNG": picture(3), "x.txt": b""}.items():
            storage.write(f"s3://photos/{name}", data)
        yield "s3://photos"
    server.stop()


def test_photos_are_found_by_folder_pattern_and_name(bucket: str) -> None:
    names = [f"{bucket}/a/1 50%.png", f"{bucket}/a/2.png", f"{bucket}/b/3.PNG"]
    assert storage.find_photos(bucket) == storage.find_photos(f"{bucket}/") == names
    assert storage.find_photos(f"{bucket}/a") == storage.find_photos(f"{bucket}/a/*.png") == names[:2]
    assert storage.find_photos(f"{bucket}/*/[23].*") == names[1:]
    assert [path for name in names for path in storage.find_photos(name)] == names
    with pytest.raises(ShowtellError, match="there are no photos"):
        storage.find_photos(f"{bucket}/c")
    with pytest.raises(ShowtellError, match="s3://nowhere"):
        storage.find_photos("s3://nowhere/a")


def test_files_are_read_listed_and_removed(bucket: str) -> None:
    place = f"{bucket}/kept/one"
    storage.write(place, b"1")
    assert storage.read(place) == b"1"
    assert storage.names(f"{bucket}/kept") == ["one"]
    storage.remove(place)
    storage.remove(place)
    assert storage.names(f"{bucket}/kept") == []
    with pytest.raises(ShowtellError, match="kept/one: cannot be read"):
        storage.read(place)


def test_a_photo_that_is_not_there_or_too_large_is_a_photo_s_error(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PhotoUnavailableError, match=r"a/4.png: cannot be read"):
        storage.photo(f"{bucket}/a/4.png")
    monkeypatch.setattr(storage, "MAX_BYTES", 3)
    with pytest.raises(PhotoError, match="has 4 bytes, more than 3"):
        storage.photo(f"{bucket}/a/2.png")


def test_an_unknown_store_is_named() -> None:
    with pytest.raises(
        ShowtellError, match=r"ftp://a/b: is in no object store that is known; use a path, s3:// or gs:"
    ):
        storage.read("ftp://a/b")


@pytest.mark.slow
def test_photos_of_a_bucket_get_the_captions_that_they_have_on_disk(
    bucket: str, captioner: Captioner, tmp_path: Path
) -> None:
    table = f"{bucket}/more.jsonl"
    storage.write(table, b'{"file": "a/gone.png"}\n')
    source = find_source([bucket, table], lambda path: [])
    work = Work(Destination(f"{bucket}/out", "jsonl"))
    assert work.destination.begin({}) == {}
    names = [work.destination.name_of(part) for part in source.parts]
    assert [caption_part(captioner, part, work) for part in source.parts] == [1, 1]
    assert work.destination.begin({}) == dict.fromkeys(names, 1)

    def rows(kind: str) -> list[dict[str, Any]]:
        lines = [line for name in names for line in storage.read(f"{bucket}/out/{kind}/{name}").splitlines()]
        return [json.loads(line) for line in lines]

    for shade in (1, 3):
        (tmp_path / f"{shade}.png").write_bytes(picture(shade))
    expected = captioner.caption([tmp_path / "1.png", tmp_path / "3.png"])
    files = (f"{bucket}/a/1 50%.png", f"{bucket}/b/3.PNG")
    assert rows("captions") == [{"file": f, **c.to_dict()} for f, c in zip(files, expected, strict=True)]
    broken, gone = rows("failures")
    assert (broken["file"], gone["file"]) == (f"{bucket}/a/2.png", f"{bucket}/a/gone.png")
    assert "gone.png: cannot be read" in gone["error"]
