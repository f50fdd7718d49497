from __future__ import annotations

import base64
import io
import urllib.parse

import pytest
from PIL import Image
from starlette.testclient import TestClient

from conftest import PHOTOS
from showtell.captioning.captioner import Captioner

CAT, COFFEE = PHOTOS / "chelsea.png", PHOTOS / "coffee.png"
FORM = {"file": CAT.read_bytes()}


def encoded(photo) -> str:
    return base64.b64encode(photo.read_bytes()).decode()


def test_file_in_a_form_is_captioned(client: TestClient, captioner: Captioner) -> None:
    answer = client.post("/v1/captions", files={"file": ("cat.png", CAT.read_bytes())})
    assert answer.status_code == 200
    expected = {"file": "cat.png", **captioner.caption(CAT).to_dict()}
    assert answer.json() == {"model": "showtell:latest", "captions": [expected]}


def test_several_files_and_several_captions_of_each(client: TestClient, captioner: Captioner) -> None:
    files = [("file", (path.name, path.read_bytes())) for path in (CAT, COFFEE)]
    entries = client.post("/v1/captions?num_captions=3", files=files).json()["captions"]
    for path, entry in zip((CAT, COFFEE), entries, strict=True):
        expected = [caption.text for caption in captioner.caption(path, 3).n_best]
        assert [entry["caption"], *(other["caption"] for other in entry["others"])] == expected


def test_attention_maps_are_returned_on_request(client: TestClient) -> None:
    told = [
        client.post("/v1/captions?attention_maps=1", files={"file": CAT.read_bytes()}),
        client.post("/v1/captions", json={"photo": encoded(CAT), "attention_maps": True}),
    ]
    for answer in told:
        for word in answer.json()["captions"][0]["words"]:
            assert [len(row) for row in word["attention_map"]] == [9] * 9
            assert sum(map(sum, word["attention_map"])) == pytest.approx(1, abs=0.01)


def test_base64_in_json(client: TestClient, captioner: Captioner) -> None:
    one = client.post("/v1/captions", json={"photo": encoded(CAT)}).json()["captions"]
    two = client.post("/v1/captions", json={"photos": [encoded(CAT), f"data:image/png;base64,{encoded(COFFEE)}"]})
    texts = [captioner.caption(path).text for path in (CAT, COFFEE)]
    assert [entry["caption"] for entry in one] == texts[:1]
    assert [entry["caption"] for entry in two.json()["captions"]] == texts


def test_damaged_photo_is_an_error_and_others_are_captioned(client: TestClient) -> None:
    files = [("file", ("broken.jpg", b"\xff\xd8 no more")), ("file", ("cat.png", CAT.read_bytes()))]
    answer = client.post("/v1/captions", files=files)
    broken, cat = answer.json()["captions"]
    assert answer.status_code == 200
    assert "error" in broken
    assert "caption" in cat
    alone = client.post("/v1/captions", files=files[:1])
    assert alone.status_code == 422
    assert "error" in alone.json()["captions"][0]


def test_photo_with_too_many_pixels_is_not_decoded(client: TestClient) -> None:
    huge = io.BytesIO()
    Image.new("1", (10_000, 6_000)).save(huge, "PNG")
    answer = client.post("/v1/captions", files={"file": huge.getvalue()})
    assert answer.status_code == 422
    assert "more than 50,000,000" in answer.json()["captions"][0]["error"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"content": b"no json"}, "is not JSON"),
        ({"content": b""}, "is not JSON"),
        ({"content": b"{"}, "is not JSON"),
        ({"content": b"[" * 100_000}, "not what is expected: Expected object, got array"),
        ({"content": b'{"photo": ' + b"[" * 100_000}, "photo: Expected str"),
        ({"json": [1]}, "Expected object, got array"),
        ({"json": {}}, "send"),
        ({"json": {"photos": []}}, "send"),
        ({"json": {"photos": ["AAAA"], "photo": "AAAA"}}, "send"),
        ({"json": {"photos": ["a"] * 17}}, "photos: Expected array of length <= 16 (At most 16.)"),
        ({"json": {"photos": "AAAA"}}, "photos: Expected array, got str"),
        ({"json": {"photos": [3]}}, "photos[0]: Expected str, got int"),
        ({"json": {"photo": 3}}, "photo: Expected str"),
        ({"json": {"photo": "%%%"}}, "not base64"),
        ({"json": {"photo": "é"}}, "not base64"),
        ({"json": {"photo": "file:///etc/passwd"}}, "not fetched"),
        ({"json": {"photo": "http://localhost/cat.png"}}, "not fetched"),
        ({"json": {"photo": "data:image/png,abc"}}, "not base64"),
        ({"json": {"photo": "", "num_captions": 0}}, "num_captions: Expected int >= 1"),
        ({"json": {"photo": "", "num_captions": 9}}, "(Captions of each photo, a number from 1 to 8.)"),
        ({"json": {"photo": "", "num_captions": "x"}}, "num_captions: Expected int"),
        ({"json": {"photo": "", "num_captions": "9" * 5000}}, "num_captions: Integer value out of range"),
        ({"json": {"photo": "", "num_captions": None}}, "num_captions: Expected int, got null"),
        ({"json": {"photo": "", "num_captions": [2]}}, "num_captions: Expected int, got array"),
        (
            {"content": b'{"photo": "", "num_captions": ' + b"9" * 5000 + b"}"},
            "num_captions: Integer value out of range",
        ),
        ({"content": b'{"photo": "", "num_captions": 1e400}'}, "num_captions"),
        ({"content": b'{"photo": "", "num_captions": NaN}'}, "is not JSON"),
        ({"content": b'{"photo": "\\ud83d"}'}, "is not JSON"),
        ({"content": b'{"\\udc00": 1}'}, "is not JSON"),
        ({"content": b'{"photo": "\xff"}'}, "is not JSON"),
        ({"json": {"photo": "", "attention_maps": 2}}, "attention_maps: Expected bool"),
        ({"json": {"photo": "", "sevral": 2}}, "unknown field sevral"),
        ({"json": {"photo": ""}, "params": {"num_captions": 2}}, "num_captions is a query parameter"),
        ({"files": {"file": ("", b"")}}, "no file"),
        ({"files": FORM, "data": {"num_captions": "9" * 5000}}, "5,000 bytes"),
        ({"files": FORM, "data": {"num_captions": "9"}}, "num_captions: Expected int <= 8"),
        ({"files": FORM, "data": {"sevral": "2"}}, "unknown field sevral"),
        ({"files": FORM, "params": {"sevral": "2"}}, "unknown field sevral"),
        ({"files": FORM, "params": {"num_captions": "9" * 5000}}, "num_captions: Integer value out of range"),
        (
            {"files": FORM, "params": {"num_captions": "2"}, "data": {"num_captions": "2"}},
            "num_captions is given twice",
        ),
        ({"files": FORM, "params": {"num_captions": ["2", "3"]}}, "num_captions is given twice"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, "not a form"),
    ],
)
def test_invalid_request_names_the_field(shared: TestClient, body: dict, message: str) -> None:
    answer = shared.post("/v1/captions", **body)
    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_form_settings_are_fields_or_query_parameters(shared: TestClient) -> None:
    told = [
        shared.post("/v1/captions", files=FORM, data={"num_captions": "3", "attention_maps": "true"}),
        shared.post("/v1/captions?num_captions=3", files=FORM, data={"attention_maps": "1"}),
        shared.post("/v1/captions?num_captions=3&attention_maps=1", files=FORM),
        shared.post("/v1/captions", json={"photo": encoded(CAT), "num_captions": "3", "attention_maps": "true"}),
    ]
    first, *others = (answer.json()["captions"][0] for answer in told)
    assert len(first["others"]) > 0
    assert "attention_map" in first["words"][0]
    for other in others:
        assert other | {"file": ""} == first | {"file": ""}


def test_form_with_uppercase_type_and_non_ascii_name(shared: TestClient) -> None:
    head = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename*=utf-8''%C3%A9.png\r\n\r\n"
    body = head.encode() + CAT.read_bytes() + b"\r\n--B--\r\n"
    answer = shared.post("/v1/captions", content=body, headers={"content-type": "Multipart/Form-Data; Boundary=B"})
    assert answer.status_code == 200
    assert answer.json()["captions"][0]["file"] == "é.png"


@pytest.mark.parametrize("kind", ["data:image/png;base64,", "DATA:image/png;charset=x; BASE64,", "data:;base64,"])
def test_data_url_may_be_percent_encoded(shared: TestClient, kind: str) -> None:
    plain = shared.post("/v1/captions", json={"photo": encoded(CAT)})
    for text in (
        encoded(CAT).rstrip("="),
        urllib.parse.quote(encoded(CAT), safe=""),
        f" {encoded(CAT)[:100]}\n{encoded(CAT)[100:]}\n",
    ):
        answer = shared.post("/v1/captions", json={"photo": kind + text})
        assert (answer.status_code, answer.json()) == (200, plain.json())


def test_json_may_begin_with_a_byte_order_mark(shared: TestClient) -> None:
    answer = shared.post("/v1/captions", content=b'\xef\xbb\xbf{"photo": "AAAA"}')
    assert answer.status_code == 422


@pytest.mark.parametrize("suffix", ["eps", "ico", "ppm", "sgi", "tga"])
def test_unsupported_formats_are_not_decoded(shared: TestClient, suffix: str) -> None:
    data = io.BytesIO()
    Image.new("RGB", (8, 8)).save(data, suffix)
    answer = shared.post("/v1/captions", files={"file": data.getvalue()})
    assert answer.status_code == 422
    assert "is not a photo" in answer.json()["captions"][0]["error"]
