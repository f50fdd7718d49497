from __future__ import annotations

import base64
import io

import pytest
from PIL import Image
from starlette.testclient import TestClient

from conftest import PHOTOS
from showtell.captioner import Captioner

CAT, COFFEE = PHOTOS / "chelsea.png", PHOTOS / "coffee.png"


def encoded(photo) -> str:
    return base64.b64encode(photo.read_bytes()).decode()


def test_a_file_of_a_form_is_captioned(client: TestClient, captioner: Captioner) -> None:
    answer = client.post("/v1/captions", files={"file": ("cat.png", CAT.read_bytes())})
    assert answer.status_code == 200
    expected = {"file": "cat.png", **captioner.caption(CAT).to_dict()}
    assert answer.json() == {"model": "showtell:latest", "captions": [expected]}


def test_several_files_and_several_captions_of_each(client: TestClient, captioner: Captioner) -> None:
    files = [("file", (path.name, path.read_bytes())) for path in (CAT, COFFEE)]
    entries = client.post("/v1/captions?several=3", files=files).json()["captions"]
    for path, entry in zip((CAT, COFFEE), entries, strict=True):
        expected = [caption.text for caption in captioner.several(path, 3)]
        assert [entry["caption"], *(other["caption"] for other in entry["others"])] == expected


def test_where_it_looked_for_each_word(client: TestClient) -> None:
    told = [
        client.post("/v1/captions?looks=1", files={"file": CAT.read_bytes()}),
        client.post("/v1/captions", json={"photo": encoded(CAT), "looks": True}),
    ]
    for answer in told:
        for word in answer.json()["captions"][0]["words"]:
            assert [len(row) for row in word["looks"]] == [9] * 9
            assert sum(map(sum, word["looks"])) == pytest.approx(1, abs=0.01)


def test_base64_in_json(client: TestClient, captioner: Captioner) -> None:
    one = client.post("/v1/captions", json={"photo": encoded(CAT)}).json()["captions"]
    two = client.post("/v1/captions", json={"photos": [encoded(CAT), f"data:image/png;base64,{encoded(COFFEE)}"]})
    texts = [captioner.caption(path).text for path in (CAT, COFFEE)]
    assert [entry["caption"] for entry in one] == texts[:1]
    assert [entry["caption"] for entry in two.json()["captions"]] == texts


def test_a_broken_photo_is_told_and_costs_the_others_nothing(client: TestClient) -> None:
    files = [("file", ("broken.jpg", b"\xff\xd8 no more")), ("file", ("cat.png", CAT.read_bytes()))]
    answer = client.post("/v1/captions", files=files)
    broken, cat = answer.json()["captions"]
    assert answer.status_code == 200
    assert "error" in broken
    assert "caption" in cat
    alone = client.post("/v1/captions", files=files[:1])
    assert alone.status_code == 422
    assert "error" in alone.json()["captions"][0]


def test_a_photo_of_too_many_pixels_is_not_unpacked(client: TestClient) -> None:
    huge = io.BytesIO()
    Image.new("1", (10_000, 6_000)).save(huge, "PNG")
    answer = client.post("/v1/captions", files={"file": huge.getvalue()})
    assert answer.status_code == 422
    assert "more than 50,000,000" in answer.json()["captions"][0]["error"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"content": b"no json"}, "is no JSON"),
        ({"content": b"[" * 100_000}, "is no JSON"),
        ({"json": [1]}, "no object"),
        ({"json": {}}, "send"),
        ({"json": {"photos": []}}, "send"),
        ({"json": {"photos": ["a"] * 17}}, "more than 16"),
        ({"json": {"photo": 3}}, "is no text"),
        ({"json": {"photo": "%%%"}}, "not base64"),
        ({"json": {"photo": "file:///etc/passwd"}}, "not fetched"),
        ({"json": {"photo": "http://localhost/cat.png"}}, "not fetched"),
        ({"json": {"photo": "data:image/png,abc"}}, "not base64"),
        ({"json": {"photo": "", "several": 9}}, "several is 9"),
        ({"json": {"photo": "", "several": "x"}}, "several is 'x'"),
        ({"files": {"file": ("", b"")}}, "no file"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, "no form"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(client: TestClient, body: dict, message: str) -> None:
    answer = client.post("/v1/captions", **body)
    assert answer.status_code == 400
    assert message in answer.json()["error"]
