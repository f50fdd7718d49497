"""Who may ask: by the host that is asked for, the page that asks, and the token that is brought."""

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
    """Whether every client can send a token, and sends it alike.

    Raises:
        ShowtellError: it is blank, or has characters that are not visible ASCII.
    """
    if not re.fullmatch("[!-~]+", token):
        raise ShowtellError(
            "the token is blank, or has spaces, line ends or characters beyond ASCII, which clients send in different "
            "ways or not at all; use letters, digits and signs of ASCII"
        )


class Access:
    """Who may ask a server.

    Args:
        token: what a request must bring as `Authorization: Bearer ...`; none is asked for if not given.
        hosts: the server's own names beside those of this machine; None where any will do.
        public: the paths that need no token.

    Raises:
        ShowtellError: no request can bring such a token.
    """

    def __init__(self, token: str | None, hosts: Iterable[str] | None, public: Iterable[str]) -> None:
        if token is not None:
            check_token(token)
        self.token = None if token is None else token.encode()
        self.hosts = None if hosts is None else {host.lower().rstrip(".") for host in hosts}
        self.public = frozenset(public)

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Whether a request may be answered.

        Raises:
            RefusedError: 421, it is for another host: a page from elsewhere can make a browser ask a name that leads
                here. 401, it brings no token, or a wrong one. 403, a page from elsewhere sends it, and there is no
                token that would show that it may.
        """
        host = headers.get("host", "")
        if self.hosts is not None and not self._is_own(host):
            raise RefusedError(421, f"this server answers to localhost, not to {host!r}")
        if path in self.public and method in _SAFE_METHODS:
            return
        if self.token is not None:
            scheme, _, brought = headers.get("authorization", "").partition(" ")
            # Headers are Latin-1; the scheme has no case (RFC 9110, 11.1)
            right = hmac.compare_digest(brought.strip(" ").encode("latin-1"), self.token)
            if scheme.lower() != "bearer" or not right:
                raise RefusedError(401, "the token is missing or wrong: send Authorization: Bearer TOKEN")
        elif method not in _SAFE_METHODS and _is_cross_origin(headers, host):
            raise RefusedError(403, "a page of another origin may not ask this server; ask it from its own page")

    def _is_own(self, host: str) -> bool:
        found = _HOST.fullmatch(host.lower())
        name = found[1].rstrip(".") if found else ""
        return name == "localhost" or _is_loopback(name) or name in (self.hosts or ())


def _is_cross_origin(headers: Headers, host: str) -> bool:
    """Whether a browser says that a page of another origin asks; programs say nothing."""
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
