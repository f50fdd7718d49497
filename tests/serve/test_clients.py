"""The shapes that others speak, with the clients that people use."""

from __future__ import annotations

import base64
import json

import pytest
from starlette.testclient import TestClient

from conftest import PHOTOS
from showtell.captioning.captioner import Captioner

pytestmark = pytest.mark.oracle

CAT, COFFEE = PHOTOS / "chelsea.png", PHOTOS / "coffee.png"
ENCODED = base64.b64encode(CAT.read_bytes()).decode()


def test_ollama_client_works(address: str, captioner: Captioner) -> None:
    ollama = pytest.importorskip("ollama", reason="the extra clients")
    client, text = ollama.Client(address), captioner.caption(CAT).text
    assert client.list().models[0].model == "showtell:latest"
    assert "vision" in client.show("showtell").capabilities
    whole = client.generate("showtell", "What is this?", images=[CAT.read_bytes()])
    assert (whole.response, whole.done, whole.done_reason) == (text, True, "stop")
    pieces = list(client.generate("showtell", "What is this?", images=[str(CAT)], stream=True))
    assert "".join(piece.response for piece in pieces) == text
    assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert len(pieces) == len(text.split()) + 1
    messages = [{"role": "user", "content": "What is this?", "images": [CAT.read_bytes()]}]
    assert client.chat("showtell", messages).message.content == text
    assert "".join(piece.message.content for piece in client.chat("showtell", messages, stream=True)) == text
    with pytest.raises(ollama.ResponseError, match="is not supported"):
        client.generate("showtell", "What is this?", images=[CAT.read_bytes()], format="json")
    with pytest.raises(ollama.ResponseError, match="there is no /api/ps here"):
        client.ps()
    with pytest.raises(ollama.ResponseError, match="no photo"):
        client.generate("showtell", "What is this?")
    client.close()


def test_openai_client_works(address: str, captioner: Captioner) -> None:
    openai = pytest.importorskip("openai", reason="the extra clients")
    text = captioner.caption(CAT).text
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{ENCODED}"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, part]}]
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        assert client.models.list().data[0].id == "showtell:latest"
        whole = client.chat.completions.create(model="showtell", messages=messages)
        assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (text, "stop")
        assert whole.usage.completion_tokens == len(captioner.caption(CAT).words)
        options = {"include_usage": True}
        with client.chat.completions.create(
            model="showtell", messages=messages, stream=True, stream_options=options
        ) as stream:
            *chunks, last = stream
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text
        assert last.usage == whole.usage
        two = client.chat.completions.create(model="showtell", messages=messages, n=2)
        assert [choice.index for choice in two.choices] == [0, 1]
        assert two.choices[0].message.content == text
        with pytest.raises(openai.BadRequestError, match="is not supported"):
            client.chat.completions.create(model="s", messages=messages, response_format={"type": "json_object"})
        with pytest.raises(openai.NotFoundError, match="there is no /v1/models/showtell here"):
            client.models.retrieve("showtell")
        with pytest.raises(openai.BadRequestError, match="no photo"):
            client.chat.completions.create(model="showtell", messages=[{"role": "user", "content": "Hello"}])


def test_ollama_response_format(client: TestClient, captioner: Captioner) -> None:
    text = captioner.caption(CAT).text
    lines = client.post("/api/generate", json={"model": "m", "images": [ENCODED]}).text.splitlines()
    entries = [json.loads(line) for line in lines]
    assert "".join(entry["response"] for entry in entries) == text
    assert {entry["model"] for entry in entries} == {"m"}
    assert entries[-1]["eval_count"] == len(captioner.caption(CAT).words)
    loaded = client.post("/api/generate", json={"model": "m"}).json()
    assert (loaded["done_reason"], loaded["response"]) == ("load", "")
    assert client.post("/api/chat", json={"model": "m"}).json()["done_reason"] == "load"
    two = {"role": "user", "content": "", "images": [ENCODED, base64.b64encode(COFFEE.read_bytes()).decode()]}
    later = {"role": "user", "content": "And now?"}
    answer = client.post("/api/chat", json={"messages": [two, later], "stream": False}).json()
    assert answer["message"]["content"] == f"{text}\n{captioner.caption(COFFEE).text}"


def test_openai_response_format(client: TestClient, captioner: Captioner) -> None:
    content = [{"type": "image_url", "image_url": f"data:image/png;base64,{ENCODED}"}]
    body = {"messages": [{"role": "user", "content": content}], "stream": True}
    *events, last = client.post("/v1/chat/completions", json=body).text.split("\n\n")[:-1]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert last == "data: [DONE]"
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert text == captioner.caption(CAT).text


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("photo", ["AAAA", "https://example.org/cat.png", "%", 7])
def test_invalid_photo_is_an_error(client: TestClient, path: str, photo: object) -> None:
    part = {"type": "image_url", "image_url": {"url": photo}}
    content = [part] if path.startswith("/v1") else ""
    message = {"role": "user", "content": content, "images": [photo]}
    answer = client.post(path, json={"messages": [message], "images": [photo]})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert ("image" if photo == 7 else "photo") in (error["message"] if path.startswith("/v1") else error)


@pytest.mark.parametrize("messages", [None, "x", ["x"], [{}], [{"content": ["x"]}]])
def test_messages_without_a_photo_are_refused(client: TestClient, messages: object) -> None:
    assert client.post("/v1/chat/completions", json={"messages": messages}).status_code == 400
    if messages:
        assert client.post("/api/chat", json={"messages": messages}).status_code == 400


def test_n_choices_are_returned(client: TestClient, captioner: Captioner) -> None:
    content = [{"type": "image_url", "image_url": {"url": ENCODED}}]
    body = {"messages": [{"role": "user", "content": content}], "n": 8}
    said = [choice["message"]["content"] for choice in client.post("/v1/chat/completions", json=body).json()["choices"]]
    found = [caption.text for caption in captioner.caption(CAT, 8).n_best]
    assert said == [*found, *found[-1:] * (8 - len(found))]
    *events, _ = client.post("/v1/chat/completions", json=body | {"stream": True}).text.split("\n\n")[:-1]
    streamed = [""] * 8
    for event in events:
        (choice,) = json.loads(event.removeprefix("data: "))["choices"]
        streamed[choice["index"]] += choice["delta"].get("content", "")
    assert streamed == said


IMAGES = {
    "/v1/chat/completions": [{"role": "user", "content": [{"type": "image_url", "image_url": ENCODED}]}],
    "/api/chat": [{"role": "user", "content": "What is this?", "images": [ENCODED]}],
    "/api/generate": None,
}
ODD = [0, 9, -1, 1.5, "x", "2", "9" * 5000, True, [], [1], {}, {"type": "json_schema"}]


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("field", ["model", "stream", "format", "n", "response_format", "logprobs", "think", "tools"])
def test_parameters_are_honoured_or_refused(shared: TestClient, path: str, field: str) -> None:
    """Whatever is sent, and is part of the API: the answer has the shape that was asked for, or is a refusal."""
    is_openai = path.startswith("/v1")
    for value in ODD:
        body = {"model": "m", "messages": IMAGES[path], "images": [ENCODED], "stream": False} | {field: value}
        answer = shared.post(path, content=json.dumps(body))
        if answer.status_code == 400:
            error = answer.json()["error"]
            assert field in (error["message"] if is_openai else error)
            continue
        assert answer.status_code == 200
        if field == "stream" and value is True:
            assert len(answer.text.splitlines()) > 1
            continue
        told = answer.json()
        if field == "model":
            assert isinstance(value, str)
        known = {
            "model",
            "stream",
            *(("n", "response_format", "logprobs") if is_openai else ("format", "think", "logprobs")),
        }
        if path == "/api/chat":
            known.add("tools")
        # what is no part of this API is not read
        assert field not in known or (field, value) in [("model", "x"), ("model", "2"), ("tools", [])]
        assert ("choices" in told) == is_openai


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat", "/v1/chat/completions"])
def test_null_parameters_count_as_absent(shared: TestClient, path: str) -> None:
    fields = ("model", "format", "n", "response_format", "logprobs", "think", "tools", "prompt", "stream_options")
    nothing = dict.fromkeys(fields)
    body = {"messages": IMAGES[path], "images": [ENCODED], "stream": False}
    plain, answer = (shared.post(path, json=sent).json() for sent in (body, body | nothing))
    assert plain.keys() == answer.keys()
    assert answer["model"] == ("showtell:latest" if path.startswith("/v1") else "")


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("text", ['"\\ud83d"', '"\\udc00x"', '"' + "m" * 257 + '"'])
def test_invalid_model_name_is_refused(shared: TestClient, path: str, text: str) -> None:
    answer = shared.post(path, content=f'{{"model": {text}, "messages": {json.dumps(IMAGES[path])}}}')
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
