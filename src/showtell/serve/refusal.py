"""What a server says no to, and how."""

from __future__ import annotations

from showtell.errors import ShowtellError


class RefusedError(ShowtellError):
    """A request that is not answered.

    Attributes:
        status: of HTTP.
        retry_after: seconds after which it is worth another try; None where it is not.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says besides."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
