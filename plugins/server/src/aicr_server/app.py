"""The ASGI application: endpoints behind the front layer. Made from settings; nothing listens here."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from aicr_core.api import Code, __version__
from aicr_server import metrics, problems
from aicr_server.accesslog import AccessLog
from aicr_server.auth import Guard
from aicr_server.bundling import Bundles
from aicr_server.comparing import Comparisons
from aicr_server.documents import Documents
from aicr_server.endpoints import Service
from aicr_server.engine import Engine
from aicr_server.front import Front
from aicr_server.limiter import Limiter
from aicr_server.offering import Offers
from aicr_server.page import Page
from aicr_server.problems import Problem, encode
from aicr_server.ready import Ready
from aicr_server.settings import ServerSettings
from aicr_server.work import Work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from aicr_server.engine import Kept
    from aicr_server.front import App

READ, BOTH = ("GET", "HEAD"), ("GET", "HEAD", "POST")


class State:
    """Whether the process takes requests: false until everything is loaded, and again once it is told to stop."""

    def __init__(self) -> None:
        self.ready = False
        self.reason = "service is initializing"


class Application:
    """The whole service; an ASGI application."""

    def __init__(
        self,
        engine: Engine,
        settings: ServerSettings,
        log: AccessLog,
        counters: metrics.Metrics | None = None,
    ) -> None:
        self.state = State()
        self.settings = settings
        self.log = log
        self.metrics = counters or metrics.Metrics(__version__)
        engine.resolved = self.metrics.built
        ready = Ready(private=bool(settings.token_file))
        work = Work(settings.bundles_at_once, settings.bundle_timeout)
        service = Service(engine, settings, ready, work)
        bundles = Bundles(engine, settings, work)
        comparisons = Comparisons(engine, settings, work)
        offers = Offers(engine, settings, ready)
        documents = Documents(engine.session)
        table: dict[str, tuple[Any, tuple[str, ...]]] = {
            "/": (service.root, READ),
            "/v1/recipe": (service.recipe, BOTH),
            "/v1/query": (service.query, BOTH),
            "/v1/bundle": (bundles.bundle, ("POST",)),
            "/v1/validate": (comparisons.validate, ("POST",)),
            "/v1/diff": (comparisons.diff, ("POST",)),
            "/v1/criteria": (offers.criteria, READ),
            "/v1/catalogue": (offers.catalogue, READ),
            "/v1/version": (offers.version, READ),
            "/health": (self._health, READ),
            "/ready": (self._ready, READ),
            "/metrics": (self._metrics, READ),
            "/openapi.json": (documents.json, READ),
            "/openapi.yaml": (documents.yaml, READ),
            "/docs": (documents.page, READ),
            "/docs.css": (documents.style, READ),
        }
        self.methods = {path: methods for path, (_, methods) in table.items()}
        routes = [
            Route(path, call, methods=list(methods)) for path, (call, methods) in table.items()
        ]
        routes += Page().routes(READ)
        inner = Starlette(
            routes=routes,
            exception_handlers={Problem: self._problem, HTTPException: self._http_error},
        )
        inner.router.redirect_slashes = False
        # Each worker counts for itself, so each gives its share.
        share = settings.workers
        limiter = Limiter(settings.rate_limit / share, max(1, settings.rate_burst // share))
        guard = Guard(settings.token_file, lambda text: log.event("error", text))
        self._app: App = Front(
            inner, settings, limiter, self.metrics, log, guard, frozenset(table), ready
        )
        for name, kept in (
            ("recipe", engine.recipes),
            ("query", engine.documents),
            ("bundle", engine.archives),
            ("answer", ready),
        ):
            counts = {"hits": ("Answers given before", 0), "misses": ("Answers made anew", 1)}
            for word, (text, place) in counts.items():
                value = functools.partial(_count, kept, place)
                self.metrics.counters[f"aicr_{name}_cache_{word}"] = (text, value)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve."""
        await self._app(scope, receive, send)

    async def _health(self, _request: Request) -> Response:
        return _system({"status": "healthy", "timestamp": problems.timestamp()})

    async def _ready(self, _request: Request) -> Response:
        if self.state.ready:
            return _system({"status": "ready", "timestamp": problems.timestamp()})
        body = {
            "status": "not_ready",
            "timestamp": problems.timestamp(),
            "reason": self.state.reason,
        }
        return _system(body, 503)

    async def _metrics(self, _request: Request) -> Response:
        return Response(self.metrics.text(), media_type=metrics.CONTENT_TYPE)

    async def _problem(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        request_id, path = request.scope["aicr.request_id"], request.scope["path"]
        if problems.PROBLEM_TYPE in request.headers.get("accept", ""):
            body = problems.rfc9457(error, request_id, path)
            return Response(body, error.status, error.headers, problems.PROBLEM_TYPE)
        body = problems.document(error, request_id)
        return Response(body, error.status, error.headers, "application/json")

    async def _http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path = request.scope["path"]
        if error.status_code == 404:
            problem = Problem(Code.NOT_FOUND, "Route not found", {"path": path})
        elif error.status_code == 405:
            # HEAD goes where GET goes; Allow names what the specification names.
            allowed = [method for method in self.methods.get(path, READ) if method != "HEAD"]
            details: dict[str, Any] = {"method": request.method}
            if len(allowed) > 1:
                details["allowed"] = allowed
            problem = Problem(
                Code.METHOD_NOT_ALLOWED, "Method not allowed", details,
                headers={"Allow": ", ".join(allowed)},
            )  # fmt: skip
        else:
            problem = Problem(Code.INVALID_REQUEST, str(error.detail), status=error.status_code)
        return await self._problem(request, problem)


def _count(kept: Kept[Any] | Ready, place: int) -> float:
    return (kept.hits, kept.misses)[place]


def _system(body: Mapping[str, str], status: int = 200) -> Response:
    return Response(encode(body), status, media_type="application/json")


def make(
    env: Mapping[str, str] | None = None,
    log: AccessLog | None = None,
    counters: metrics.Metrics | None = None,
) -> Application:
    """Make the application from the environment, everything loaded. Raises AicrError for what cannot be used.

    ``counters`` go on counting where an application takes the place of another.
    """
    from aicr_core.api import Session
    from aicr_server.vocabulary import Vocabulary

    variables = os.environ if env is None else env
    first = AccessLog("info", "json") if log is None else log
    vocabulary = Vocabulary(Session(variables).criteria_values())
    settings = ServerSettings.from_env(
        variables, vocabulary.parse, lambda text: first.event("warn", text)
    )
    log = log or AccessLog(settings.log_level, settings.log_format)
    engine = Engine.open(variables, settings.data, lambda text: first.event("warn", text))
    return Application(engine, settings, log, counters)
