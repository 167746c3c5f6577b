"""The page at ``/ui``: the files of this package's folder ``ui``, read once, sent so that a browser does nothing else.

The page asks the same routes as any client and knows nothing of its own. What the files do is written in them.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.resources
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from aicr_core.api import Code
from aicr_server import answers
from aicr_server.answers import Answer
from aicr_server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

ROOT = "/ui"
INDEX = "index.html"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    # Asked again each time, answered with 304: the files of two versions never work together.
    "cache-control": "no-cache",
    "vary": "Accept-Encoding",
}


def is_part(path: str) -> bool:
    """Tell whether a path is of the page, whose files hold nothing secret: they ask for the token that routes want."""
    return path == ROOT or path.startswith(f"{ROOT}/")


class Page:
    """The endpoints of the page."""

    def __init__(self) -> None:
        """Read the files."""
        folder = importlib.resources.files("aicr_server") / "ui"
        self._plain: dict[str, Answer] = {}
        self._gzipped: dict[str, Answer] = {}
        for file in folder.iterdir():
            media = _TYPES.get(file.name.rpartition(".")[2])
            if media is not None:
                data = file.read_bytes()
                self._plain[file.name] = _answer(data, media)
                self._gzipped[file.name] = _answer(
                    gzip.compress(data, 9, mtime=0), media, encoding="gzip"
                )

    def routes(self, methods: Sequence[str]) -> list[Route]:
        """Give the routes: the page, its files, and the address without the slash."""
        return [
            Route(ROOT, self.slashless, methods=list(methods)),
            Route(f"{ROOT}/{{name:path}}", self.file, methods=list(methods)),
        ]

    async def slashless(self, request: Request) -> Response:
        """Send to the address with the slash, where the page's own begin; relative, so that a prefix stays."""
        query = f"?{request.url.query}" if request.url.query else ""
        return Response(status_code=308, headers={"location": f"ui/{query}"})

    async def file(self, request: Request) -> Response:
        """Give a file. Raises Problem (404) for one that there is not."""
        name = request.path_params["name"] or INDEX
        gzipped = answers.takes_gzip(request.headers.get("accept-encoding", ""))
        answer = (self._gzipped if gzipped else self._plain).get(name)
        if answer is None:
            raise Problem(Code.NOT_FOUND, "Route not found", {"path": request.url.path})
        if answer.is_known(request.headers.get("if-none-match", "")):
            response = Response(status_code=304)
            response.raw_headers = answer.unchanged()
            return response
        return answers.sent(answer)


def _answer(data: bytes, media: str, *, encoding: str = "") -> Answer:
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"content-type": media, "etag": tag, "content-length": str(len(data)), **_HEADERS}
    if encoding:
        headers["content-encoding"] = encoding
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Answer(data, pairs, tag)
