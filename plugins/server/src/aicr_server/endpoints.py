"""Recipes and their values: ``/v1/recipe`` and ``/v1/query``, and the service document (spec/server.md 7, 8, 10).

Each endpoint reads a request, asks the engine, and gives a response; limits, identifiers and counting are outside
(``front``). Wrong input is a Problem in the words of the specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from aicr_core.api import AicrError, Code, NotThere, Text, __version__
from aicr_server import answers, bodies, problems, querystring, uploads
from aicr_server.problems import Problem, encode
from aicr_server.vocabulary import check_allowed

if TYPE_CHECKING:
    from starlette.requests import Request

    from aicr_server.engine import Engine
    from aicr_server.querystring import Asked
    from aicr_server.ready import Ready
    from aicr_server.settings import ServerSettings
    from aicr_server.work import Work

ROUTES = ("/v1/bundle", "/v1/query", "/v1/recipe")
"""What the service document names: the routes of the reference. ``/openapi.json`` describes all."""
SNAPSHOT_TYPES = {
    "application/vnd.aicr.snapshot+json": "json",
    "application/vnd.aicr.snapshot+yaml": "yaml",
}
_READS = ("GET", "HEAD")
_WRONG = "Invalid recipe criteria"


class Service:
    """The endpoints over one engine."""

    def __init__(self, engine: Engine, settings: ServerSettings, ready: Ready, work: Work) -> None:
        self.engine = engine
        self.settings = settings
        self._ready = ready
        self._work = work

    # --- recipe -----------------------------------------------------------------------------------

    async def recipe(self, request: Request) -> Response:
        """Resolve criteria, or a snapshot, to a recipe."""
        if request.method in _READS:
            asked, explain = self._of_query(request)
            check_allowed(asked.criteria, self.settings.allowed)
            if explain:
                document, warnings = self.engine.resolve(asked)
                return self._ready.respond(request, self.engine.explained(document, warnings))
            made = self.engine.recipe(asked)
            return self._ready.respond(request, made.body, made.warnings)
        content_type = request.headers.get("content-type", "")
        form = SNAPSHOT_TYPES.get(bodies.media_type(content_type))
        if form is not None:
            return await self._of_snapshot(request, form)
        body = await self._body(request, self.settings.criteria_body)
        try:
            asked = bodies.recipe_criteria(body, content_type, self.engine.vocabulary)
        except AicrError as error:
            raise problems.of(error, _WRONG) from None
        check_allowed(asked.criteria, self.settings.allowed)
        made = self.engine.recipe(asked)
        return answers.once(request, made.body, made.warnings)

    async def _of_snapshot(self, request: Request, form: str) -> Response:
        """Resolve what a snapshot shows; the query string decides over it (spec/server.md 22)."""
        asked, explain = self._of_query(request)
        check_allowed(asked.criteria, self.settings.allowed)
        body = await self._body(request, self.settings.bundle_body)
        if not body:
            raise problems.of(
                AicrError(Code.INVALID_REQUEST, "request body is empty"), "Invalid snapshot"
            )

        def resolve() -> tuple[bytes, tuple[str, ...]]:
            document, warnings = self.engine.resolve(asked, Text(body, form, "snapshot"))
            uploads.check_recipe(document, self.engine.vocabulary, self.settings.allowed)
            if explain:
                return self.engine.explained(document, warnings), ()
            return encode(document), warnings

        encoded, warnings = await self._work.do("snapshot", resolve, "Invalid snapshot")
        return answers.once(request, encoded, warnings)

    def _of_query(self, request: Request) -> tuple[Asked, bool]:
        given = querystring.parameters(request.url.query)
        try:
            asked = querystring.criteria(given, self.engine.vocabulary)
            return asked, querystring.switch(given, "explain")
        except AicrError as error:
            raise problems.of(error, _WRONG) from None

    # --- query ------------------------------------------------------------------------------------

    async def query(self, request: Request) -> Response:
        """Give one value of the hydrated recipe."""
        reads = request.method in _READS
        if reads:
            given = querystring.parameters(request.url.query)
            try:
                asked = querystring.criteria(given, self.engine.vocabulary)
            except AicrError as error:
                raise problems.of(error, "Invalid query criteria") from None
            selector = given.get("selector", [""])[0]
        else:
            asked, selector = await self._query_body(request)
        check_allowed(asked.criteria, self.settings.allowed)
        document = self.engine.hydrated(asked)
        if not reads:
            # A body's criteria are shown as they were given; resolving reads empty ones as any.
            shown = {k: "" if v == "any" else v for k, v in document["criteria"].items()}
            document = {**document, "criteria": shown}
        try:
            value = self.engine.session.select(document, selector)
        except NotThere as error:
            details = {"selector": selector, "error": _not_there(selector, error)}
            raise Problem(Code.NOT_FOUND, "Selector path not found", details) from None
        body = encode(value)
        return self._ready.respond(request, body) if reads else answers.once(request, body)

    async def _query_body(self, request: Request) -> tuple[Asked, str]:
        body = await self._body(request, self.settings.criteria_body)
        undecodable = "Invalid query request body"
        if not body:
            problem = AicrError(Code.INVALID_REQUEST, "request body cannot be empty")
            raise problems.of(problem, undecodable)
        is_json = "json" in request.headers.get("content-type", "")
        form = "JSON" if is_json else "YAML"
        try:
            value = bodies.json_value(body) if is_json else bodies.small_yaml_value(body)
            document = bodies.mapping(value, form, blind=is_json)
            spec = document.get("criteria")
            if spec is None:
                raise Problem(Code.INVALID_REQUEST, "Query criteria cannot be empty")
            spec = bodies.mapping(spec, form, blind=is_json)
            selector = document.get("selector")
            selector = "" if selector is None else selector
            if not isinstance(selector, str):
                raise AicrError(Code.INVALID_REQUEST, "selector is no text")
        except AicrError as error:
            raise problems.of(error, undecodable) from None
        try:
            asked = bodies.criteria(spec, self.engine.vocabulary, "", form)
        except AicrError as error:
            raise problems.of(error, "Invalid criteria in request body") from None
        return asked, selector

    async def _body(self, request: Request, limit: int) -> bytes:
        return await bodies.read(request, limit, self.settings.body_timeout)

    # --- the service itself -----------------------------------------------------------------------

    async def root(self, _request: Request) -> Response:
        """Say what this service is."""
        body = {"routes": list(ROUTES), "service": "aicrd", "version": __version__}
        return Response(encode(body), media_type="application/json")


def _not_there(selector: str, error: NotThere) -> str:
    """Say what a selector does not find in the words of the specification (section 8)."""
    start = f'[NOT_FOUND] selector "{selector.removeprefix(".")}": '
    if error.available is None:
        return f'{start}cannot descend into non-map value at "{error.step}"'
    return f'{start}key "{error.step}" not found, available keys: {", ".join(error.available)}'
