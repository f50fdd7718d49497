"""Refused requests and error responses."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from showtell.errors import ShowtellError


class RefusedError(ShowtellError):
    """A request is refused.

    Attributes:
        status: the HTTP status.
        retry_after: seconds after which to retry; None if that is useless.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after

    @property
    def headers(self) -> dict[str, str]:
        """Additional response headers."""
        told = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return told | ({"WWW-Authenticate": "Bearer"} if self.status == HTTPStatus.UNAUTHORIZED else {})


def refuse(path: str, status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error response in the format of the path's API."""
    if path.startswith("/v1/") and path != "/v1/captions":
        kind = "invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
        body: object = {"error": {"message": message, "type": kind, "param": None, "code": None}}
    else:
        body = {"error": message}
    return JSONResponse(body, status, headers)


async def answer_refused(request: Request, error: Exception) -> Response:
    """The response to a RefusedError."""
    assert isinstance(error, RefusedError)
    return refuse(request.scope["path"], error.status, str(error), error.headers)


async def answer_unknown(request: Request, error: Exception) -> Response:
    """The response for an unknown path or method."""
    assert isinstance(error, HTTPException)
    path, method = request.scope["path"], request.method
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.NOT_FOUND:
        message = f"there is no {path} here; /docs says what there is"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"{path} does not take {method}; it takes {headers.get('Allow', 'others')}"
    else:
        message = error.detail
    return refuse(path, error.status_code, message, headers)


async def answer_failed(request: Request, error: Exception) -> Response:
    """The response for an internal error."""
    return refuse(request.scope["path"], 500, "the server failed; its log says how")
