"""Access control: checks of the Host header, the Origin and the bearer token."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable

from starlette.datastructures import Headers

from showtell.errors import ShowtellError
from showtell.serve.refusal import RefusedError

_HOST = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::\d*)?")
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def check_token(token: str) -> None:
    """Check that every client can send this token unchanged.

    Raises:
        ShowtellError: it is empty, or has characters that are not visible ASCII.
    """
    if not re.fullmatch("[!-~]+", token):
        raise ShowtellError(
            "the token is blank, or has spaces, line ends or characters beyond ASCII, which clients send in different "
            "ways or not at all; use letters, digits and punctuation of ASCII"
        )


class Access:
    """The access rules of a server.

    Args:
        token: what requests must send as `Authorization: Bearer ...`; None if no token is required.
        hosts: accepted host names besides localhost and loopback addresses; None to accept any.
        public: the public endpoints, paths that need no token.

    Raises:
        ShowtellError: no request can send such a token.
    """

    def __init__(self, token: str | None, hosts: Iterable[str] | None, public: Iterable[str]) -> None:
        if token is not None:
            check_token(token)
        self.token = None if token is None else token.encode()
        self.hosts = None if hosts is None else {host.lower().rstrip(".") for host in hosts}
        self.public = frozenset(public)

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Check that a request may be answered.

        Raises:
            RefusedError: 421, it is for an unknown host (DNS rebinding: another site's name that resolves to this
                address). 401, its token is missing or wrong. 403, it comes from a page of another origin, and there is
                no token that would prove it legitimate.
        """
        host = headers.get("host", "")
        if self.hosts is not None and not self._is_own(host):
            raise RefusedError(421, f"this server answers to localhost, not to {host!r}")
        if path in self.public and method in _SAFE_METHODS:
            return
        if self.token is not None:
            scheme, _, sent = headers.get("authorization", "").partition(" ")
            # Headers are Latin-1; the scheme is case-insensitive (RFC 9110, 11.1)
            right = hmac.compare_digest(sent.strip(" ").encode("latin-1"), self.token)
            if scheme.lower() != "bearer" or not right:
                raise RefusedError(401, "the token is missing or wrong: send Authorization: Bearer TOKEN")
        elif method not in _SAFE_METHODS and _is_cross_origin(headers, host):
            raise RefusedError(403, "requests from pages of another origin are refused; use the server's own page")

    def _is_own(self, host: str) -> bool:
        found = _HOST.fullmatch(host.lower())
        name = found[1].rstrip(".") if found else ""
        return name == "localhost" or _is_loopback(name) or name in (self.hosts or ())


def _is_cross_origin(headers: Headers, host: str) -> bool:
    """Whether a browser marks the request as cross-origin; other clients send no such headers."""
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    scheme, found, own = origin.lower().partition("://")
    port = {"http": ":80", "https": ":443"}.get(scheme, "")
    return not found or own.removesuffix(port) != host.lower().removesuffix(port)


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
