from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient

from conftest import PHOTOS
from showtell.captioning.captioner import Captioner
from showtell.serve.app import application
from showtell.serve.limits import Limits
from showtell.serve.pages import FILES

CAT = PHOTOS / "chelsea.png"
FORM = {"files": {"file": CAT.read_bytes()}}


def test_every_response_has_security_headers(client: TestClient) -> None:
    for answer in (client.get("/docs"), client.get("/nothing"), client.post("/v1/captions", content=b"")):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers


def test_unknown_host_name_is_refused(client: TestClient) -> None:
    for host in ("evil.example", "evil.example:8000", "localhost.evil.example", ""):
        assert client.get("/healthz", headers={"host": host}).status_code == 421
    for host in ("localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000"):
        assert client.get("/healthz", headers={"host": host}).status_code == 200


def test_token_is_required(captioner: Captioner, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def url(connection: object) -> None:
        raise AssertionError("the address is made from the Host header: no path is to be taken from it")

    monkeypatch.setattr(HTTPConnection, "url", property(url))
    app = application(captioner, file, token="secret", hosts=None)
    with TestClient(app, "http://photos.example") as client:
        assert client.get("/healthz").status_code == 200
        for headers in ({}, {"authorization": "secret"}, {"authorization": "Bearer sécret".encode()}):
            answer = client.post("/v1/captions", headers=headers, **FORM)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert client.post("/v1/captions", headers={"authorization": "Bearer secret"}, **FORM).status_code == 200
        assert client.get("/v1/models", headers={"host": "x/healthz?"}).status_code == 401
        for path in ("/", "/docs", "/docs.css", "/openapi.json", "/readyz"):
            assert client.get(path).status_code == 200
        for path in ("/metrics", "/nothing", "/healthz/"):
            assert client.get(path).status_code == 401


@pytest.mark.parametrize("told", [True, False])
def test_oversized_body_is_refused(captioner: Captioner, file: Path, told: bool) -> None:
    with TestClient(application(captioner, file, limits=Limits(body_bytes=1000)), "http://localhost") as client:
        body = b" " * 1001
        for path in ("/v1/captions", "/v1/chat/completions", "/api/generate", "/api/chat"):
            answer = client.post(path, content=body if told else iter([body]))
            assert answer.status_code == 413
            assert "more than 1,000 bytes" in answer.text
        assert client.post("/v1/captions", content=b" " * 1000).status_code == 400


def test_metrics_count_requests_and_photos(client: TestClient) -> None:
    client.post("/v1/captions", **FORM)
    client.post("/v1/captions", files={"file": b"broken"})
    client.get("/secret/path")
    metrics = client.get("/metrics").text
    assert 'showtell_requests_total{path="/v1/captions",status="200"} 1.0' in metrics
    assert 'showtell_requests_total{path="/v1/captions",status="422"} 1.0' in metrics
    assert 'showtell_requests_total{path="other",status="404"} 1.0' in metrics
    assert 'showtell_photos_total{outcome="captioned"} 1.0' in metrics
    assert 'showtell_photos_total{outcome="unreadable"} 1.0' in metrics
    assert "showtell_photos_waiting 0.0" in metrics


def test_internal_error_is_a_500_without_details(captioner: Captioner, file: Path) -> None:
    with TestClient(application(captioner, file), "http://localhost", raise_server_exceptions=False) as client:

        def fail(*arguments: object) -> None:
            raise RuntimeError("a secret")

        client.app.state.batcher._captions = fail
        answer = client.post("/v1/captions", **FORM)
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert client.get("/readyz").status_code == 200


def test_openapi_describes_every_route(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.")
    routes = {route.path for route in client.app.routes} - {"/openapi.json", "/docs", "/docs.css", *FILES}
    assert set(described["paths"]) == routes
    page = client.get("/docs").text
    for path in routes:
        assert path in page
    assert "://" not in page.replace("http://localhost:8000", "")
    assert "<script" not in page
    assert "style=" not in page
    assert client.get("/docs.css").headers["content-type"].startswith("text/css")


def test_incomplete_body_times_out(captioner: Captioner, file: Path) -> None:
    async def whole() -> None:
        app = application(captioner, file, limits=Limits(deadline_seconds=0.05, linger_seconds=0.05))
        sent: list[dict] = []

        async def receive() -> dict:
            if sent_part:
                await asyncio.sleep(60)
            sent_part.append(True)
            return {"type": "http.request", "body": b"x", "more_body": True}

        async def send(message: dict) -> None:
            sent.append(message)

        sent_part: list[bool] = []
        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/v1/captions", "headers": headers, "query_string": b""}
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)
        assert sent[0]["status"] == 408

    asyncio.run(whole())


def test_total_size_of_bodies_is_limited(captioner: Captioner, file: Path) -> None:
    with TestClient(application(captioner, file, limits=Limits(all_bytes=1000)), "http://localhost") as client:
        assert client.post("/v1/captions", content=b" " * 1000).status_code == 400
        answer = client.post("/v1/captions", content=b" " * 1001)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert client.post("/v1/captions", content=iter([b" "] * 1000)).status_code == 400  # not more than it is
        assert client.post("/v1/captions", content=iter([b" "] * 1001)).status_code == 503
        assert client.post("/v1/captions", content=b" " * 1000).status_code == 400  # what was read is forgotten
        assert client.get("/healthz").status_code == 200


def test_page_is_served(client: TestClient) -> None:
    for path, kind in (("/", "text/html"), ("/page.js", "javascript"), ("/page.css", "text/css")):
        answer = client.get(path)
        assert answer.status_code == 200
        assert kind in answer.headers["content-type"]
    for path in ("/page/index.html", "/../app.py", "/%2e%2e/app.py", "/page.py"):
        assert client.get(path).status_code == 404


def test_openapi_is_generated_from_the_validated_types(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    schemas = described["components"]["schemas"]
    assert not any("." in name for name in schemas)  # each has its own name
    assert (
        schemas["Captions"]["properties"]["num_captions"]["minimum"],
        schemas["Captions"]["additionalProperties"],
    ) == (
        1,
        False,
    )
    form = described["paths"]["/v1/captions"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {"file", "num_captions", "attention_maps"}
    page = client.get("/docs").text
    assert "<code>num_captions</code>: integer. Captions of each photo, a number from 1 to 8." in page
    assert "<code>include_usage</code>: boolean" in page


@pytest.mark.parametrize("path", ["/v1/models/showtell", "/v1/completions", "/api/ps", "/healthz/"])
def test_unknown_path_is_a_json_404(client: TestClient, path: str) -> None:
    for method in ("GET", "POST"):
        answer = client.request(method, path)
        assert answer.status_code == 404
        error = answer.json()["error"]
        assert (error["message"] if path.startswith("/v1/") else error).startswith(f"there is no {path} here")


def test_wrong_method_is_a_json_405(client: TestClient) -> None:
    answer = client.get("/v1/captions")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json() == {"error": "/v1/captions does not take GET; it takes POST"}
    answer = client.delete("/v1/models")
    assert (answer.status_code, answer.json()["error"]["type"]) == (405, "invalid_request_error")


def test_readiness_means_capacity_for_a_photo(captioner: Captioner, file: Path) -> None:
    with TestClient(application(captioner, file, limits=Limits(all_bytes=1000)), "http://localhost") as client:
        state = client.app.state
        assert client.get("/readyz").status_code == 200

        def refused() -> None:
            assert [client.get("/readyz").status_code, client.post("/v1/captions", **FORM).status_code] == [503, 503]
            assert client.get("/healthz").status_code == 200

        state.bodies.bytes = 1000
        refused()
        state.bodies.bytes = 0
        state.batcher.workers.stuck = True
        refused()
        state.batcher.workers.stuck = False
        state.active.draining = True
        refused()
        state.active.draining = False
        assert client.get("/readyz").status_code == 200
