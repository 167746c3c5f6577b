"""The page of aicrd in front of answers that a test makes up: hostile names, busy servers, servers that want a token."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

from http_server import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    Answer = Callable[[Request], Response]


@contextlib.contextmanager
def page_with(answers: dict[str, Answer]) -> Iterator[str]:
    """Serve the page's files and ``answers`` by path; give the address of the page."""
    import uvicorn
    from aicr_server.page import Page
    from aicr_server.problems import Problem
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def called(request: Request) -> Response:
        return answers[request.url.path](request)

    def problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return JSONResponse({"code": str(error.code), "message": error.message}, error.status)

    routes = [Route(path, called, methods=["GET", "POST"]) for path in answers]
    app = Starlette(
        routes=[*Page().routes(("GET", "HEAD")), *routes],
        exception_handlers={Problem: problem, HTTPException: lambda *_: JSONResponse({}, 404)},
    )
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}/ui/"
    finally:
        server.should_exit = True
        thread.join()


def criteria(possible: dict[str, list[str]]) -> dict[str, Any]:
    """Give a document of ``/v1/criteria`` in which everything that there is may be chosen."""
    dimensions = {
        name: [
            {"value": value, "aliases": [], "allowed": True, "possible": True} for value in values
        ]
        for name, values in possible.items()
    }
    return {"criteria": {}, "covered": True, "missing": [], "dimensions": dimensions}


def recipe(components: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Give a recipe document of these components, in their order."""
    return {
        "kind": "RecipeResult", "apiVersion": "aicr.nvidia.com/v1alpha1",
        "metadata": {"version": "0", "appliedOverlays": ["base"]}, "criteria": {},
        "componentRefs": components, "deploymentOrder": [one["name"] for one in components], **more,
    }  # fmt: skip
