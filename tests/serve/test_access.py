from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from showtell.errors import ShowtellError
from showtell.serve.access import Access, check_token
from showtell.serve.refusal import RefusedError


def refused(access: Access, method: str = "POST", path: str = "/v1/captions", **headers: str) -> int:
    """The status of a refusal, 0 if there is none."""
    try:
        access.check(method, path, Headers({name.replace("_", "-"): value for name, value in headers.items()}))
    except RefusedError as error:
        return error.status
    return 0


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST:8000", "localhost.", "Localhost.:8000", "127.0.0.1:1", "127.9.9.9"),
        *("[::1]", "[::1]:8000", "[0:0:0:0:0:0:0:1]", "photos.lan:8000", "Photos.LAN."),
    ],
)
def test_own_host_names_are_accepted(host: str) -> None:
    assert refused(Access(None, ["photos.lan"], ()), host=host) == 0


@pytest.mark.parametrize(
    "host",
    [
        *("", ":8000", "evil.example", "localhost.evil.example", "evil.example:localhost", "x/healthz?", "[::1"),
        *("127.0.0.1.example", "localhost:80:80", "photos.lan", "10.0.0.1", "evil@localhost"),
    ],
)
def test_other_host_names_are_refused(host: str) -> None:
    assert refused(Access(None, (), {"/healthz"}), host=host) == 421
    assert refused(Access(None, (), {"/healthz"}), "GET", "/healthz", host=host) == 421
    assert refused(Access("secret", None, ()), host=host) == 401  # who is asked by any name asks for a token


@pytest.mark.parametrize("brought", ["Bearer secret", "bearer secret", "BEARER   secret "])
def test_valid_token_is_accepted(brought: str) -> None:
    assert refused(Access("secret", None, ()), authorization=brought) == 0


@pytest.mark.parametrize(
    "brought", ["", "secret", "Basic secret", "Bearer", "Bearer Secret", "Bearer sécret", "Bearersecret"]
)
def test_wrong_token_is_refused(brought: str) -> None:
    access = Access("secret", None, {"/healthz"})
    assert refused(access, authorization=brought) == 401
    assert refused(access, "GET", "/v1/models", authorization=brought) == 401
    assert refused(access, "GET", "/healthz", authorization=brought) == 0
    assert refused(access, "POST", "/healthz", authorization=brought) == 401


@pytest.mark.parametrize("token", ["", " ", "a b", "a\n", "\ta", "clé", "caf\udce9", "\x7f"])
def test_unsendable_token_is_rejected(token: str) -> None:
    with pytest.raises(ShowtellError, match="use letters, digits and punctuation of ASCII"):
        check_token(token)
    with pytest.raises(ShowtellError, match="use letters"):
        Access(token, None, ())


def test_visible_ascii_token_is_accepted() -> None:
    check_token("aZ09-._~+/=!")


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("localhost:8000", {"origin": "https://evil.example"}),
        ("localhost:8000", {"origin": "http://localhost:3000"}),
        ("localhost:8000", {"origin": "http://localhost"}),
        ("localhost:8000", {"origin": "null"}),
        ("localhost:8000", {"origin": ""}),
        ("localhost:8000", {"sec_fetch_site": "cross-site"}),
        ("localhost:8000", {"sec_fetch_site": "same-site", "origin": "http://localhost:8000"}),
    ],
)
def test_cross_origin_post_is_refused(host: str, told: dict[str, str]) -> None:
    access = Access(None, (), ())
    for path in ("/v1/captions", "/api/generate", "/nothing"):
        assert refused(access, path=path, host=host, **told) == 403
    assert refused(access, "GET", "/", host=host, **told) == 0  # a link
    # who brings the token may ask from wherever
    assert refused(Access("secret", (), ()), host=host, authorization="Bearer secret", **told) == 0


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("localhost:8000", {}),
        ("localhost:8000", {"origin": "http://localhost:8000", "sec_fetch_site": "same-origin"}),
        ("LOCALHOST:8000", {"origin": "http://localhost:8000"}),
        ("localhost", {"origin": "http://localhost"}),
        ("localhost:80", {"origin": "http://localhost"}),
        ("localhost", {"origin": "https://localhost:443"}),
        ("[::1]:8000", {"origin": "http://[::1]:8000"}),
        ("localhost:8000", {"sec_fetch_site": "none"}),
    ],
)
def test_same_origin_and_non_browser_requests_are_accepted(host: str, told: dict[str, str]) -> None:
    assert refused(Access(None, (), ()), host=host, **told) == 0
