"""Endpoints of the OpenAPI document, as JSON, YAML and a page; made once, when somebody asks."""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.responses import Response

from aicr_core.api import to_yaml
from aicr_server import openapi
from aicr_server.problems import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from aicr_core.api import Session

_CACHED = "public, max-age=600"
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Documents:
    """The endpoints over one session."""

    def __init__(self, session: Session) -> None:
        self._document = functools.cache(lambda: openapi.document(session))
        self._json = functools.cache(lambda: encode(self._document()))
        self._yaml = functools.cache(lambda: to_yaml(self._document()).encode())
        self._page = functools.cache(self._rendered)
        self._style = functools.cache(
            lambda: importlib.resources.files("aicr_server").joinpath("docs.css").read_bytes()
        )

    async def json(self, request: Request) -> Response:
        """Give the document as JSON."""
        return await _given(request, self._json, "application/json")

    async def yaml(self, request: Request) -> Response:
        """Give the document as YAML."""
        return await _given(request, self._yaml, "application/yaml")

    async def page(self, request: Request) -> Response:
        """Give the document as a page that asks nothing of any other host."""
        response = await _given(request, self._page, "text/html; charset=utf-8")
        response.headers["content-security-policy"] = _POLICY
        return response

    async def style(self, request: Request) -> Response:
        """Give the style of the page."""
        return await _given(request, self._style, "text/css; charset=utf-8")

    def _rendered(self) -> bytes:
        from aicr_server.docs_page import render

        return render(self._document()).encode()


async def _given(request: Request, make: Callable[[], bytes], media_type: str) -> Response:
    body = await anyio.to_thread.run_sync(make)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"cache-control": _CACHED, "etag": tag, "x-content-type-options": "nosniff"}
    known = [item.strip() for item in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
