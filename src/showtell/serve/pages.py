"""The web page for dropping photos."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

_FOLDER = Path(__file__).parent / "page"
FILES = {"/": "index.html", "/page.js": "page.js", "/page.css": "page.css"}
"""The page's files, by their paths: no path of a request is ever one of a file."""


async def get_page(request: Request) -> Response:
    """`GET /` and the page's assets."""
    return FileResponse(_FOLDER / FILES[request.scope["path"]])
