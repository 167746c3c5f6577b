"""The routes of the reference: recipe, query, bundle, health, readiness, the service document (spec/server.md 7 to 10).

Each endpoint reads a request, asks the engine, and gives a response; limits, identifiers and counting are outside
(``front``). Wrong input is a Problem in the words of the specification.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from starlette.responses import Response

from aicr_core.api import AicrError, BundleRequest, Code, NotThere, __version__
from aicr_server import bodies, problems, querystring
from aicr_server.problems import Problem, encode
from aicr_server.vocabulary import check_allowed

if TYPE_CHECKING:
    from starlette.requests import Request

    from aicr_server.archive import Archive
    from aicr_server.engine import Engine
    from aicr_server.querystring import Asked
    from aicr_server.settings import ServerSettings

CACHED = "public, max-age=600"
ROUTES = ("/v1/bundle", "/v1/query", "/v1/recipe")
_REPEATED = {
    "set": ("set_values", "Invalid set parameter"),
    "system-node-selector": ("system_node_selector", "Invalid system-node-selector"),
    "accelerated-node-selector": ("accelerated_node_selector", "Invalid accelerated-node-selector"),
    "system-node-toleration": ("system_node_tolerations", "Invalid system-node-toleration"),
    "accelerated-node-toleration": ("accelerated_node_tolerations", "Invalid accelerated-node-toleration"),
    "workload-selector": ("workload_selector", "Invalid workload-selector parameter"),
}  # fmt: skip


class Service:
    """The endpoints over one engine."""

    def __init__(self, engine: Engine, settings: ServerSettings) -> None:
        self.engine = engine
        self.settings = settings
        self._bundles = anyio.CapacityLimiter(settings.bundles_at_once)

    # --- recipe and query -------------------------------------------------------------------------

    async def recipe(self, request: Request) -> Response:
        """Resolve criteria to a recipe."""
        is_get = request.method in ("GET", "HEAD")
        try:
            if is_get:
                asked = self._of_query(request)
            else:
                body = await self._body(request, self.settings.criteria_body)
                content_type = request.headers.get("content-type", "")
                asked = bodies.recipe_criteria(body, content_type, self.engine.vocabulary)
        except AicrError as error:
            raise problems.of(error, "Invalid recipe criteria") from None
        check_allowed(asked.criteria, self.settings.allowed)
        return _json(request, self.engine.recipe(asked), cached=is_get)

    async def query(self, request: Request) -> Response:
        """Give one value of the hydrated recipe."""
        if request.method in ("GET", "HEAD"):
            given = querystring.parameters(request.url.query)
            try:
                asked = querystring.criteria(given, self.engine.vocabulary)
            except AicrError as error:
                raise problems.of(error, "Invalid query criteria") from None
            selector, blank = given.get("selector", [""])[0], False
        else:
            asked, selector, blank = await self._query_body(request)
        check_allowed(asked.criteria, self.settings.allowed)
        document = self.engine.hydrated(asked)
        if blank:
            # A body's criteria are shown as they were given; resolving reads empty ones as any.
            shown = {k: "" if v == "any" else v for k, v in document["criteria"].items()}
            document = {**document, "criteria": shown}
        try:
            value = self.engine.session.select(document, selector)
        except NotThere as error:
            details = {"selector": selector, "error": _not_there(selector, error)}
            raise Problem(Code.NOT_FOUND, "Selector path not found", details) from None
        return _json(request, encode(value), cached=request.method != "POST")

    async def _query_body(self, request: Request) -> tuple[Asked, str, bool]:
        body = await self._body(request, self.settings.criteria_body)
        undecodable = "Invalid query request body"
        if not body:
            problem = AicrError(Code.INVALID_REQUEST, "request body cannot be empty")
            raise problems.of(problem, undecodable)
        is_json = "json" in request.headers.get("content-type", "")
        form = "JSON" if is_json else "YAML"
        try:
            value = bodies.json_value(body) if is_json else bodies.yaml_value(body)
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
        return asked, selector, True

    def _of_query(self, request: Request) -> Asked:
        given = querystring.parameters(request.url.query)
        return querystring.criteria(given, self.engine.vocabulary)

    async def _body(self, request: Request, limit: int) -> bytes:
        return await bodies.read(request, limit, self.settings.body_timeout)

    # --- bundle -----------------------------------------------------------------------------------

    async def bundle(self, request: Request) -> Response:
        """Make a bundle of a recipe; a zip archive."""
        wanted = self._bundle_request(request)
        body = await self._body(request, self.settings.bundle_body)
        self._check_recipe(body)
        started = time.perf_counter()
        archive = await self._archive(body, wanted)
        spent = (time.perf_counter() - started) * 1000
        headers = {
            "Content-Disposition": 'attachment; filename="bundles.zip"',
            "X-Bundle-Files": str(archive.files),
            "X-Bundle-Size": str(archive.size),
            "X-Bundle-Duration": f"{spent:.3f}ms",
            "X-Bundle-Notes": str(len(archive.notes)),
            "Cache-Control": "no-store",
            "ETag": _etag(archive.data),
        }
        return Response(archive.data, media_type="application/zip", headers=headers)

    async def _archive(self, body: bytes, wanted: BundleRequest) -> Archive:
        if self._bundles.available_tokens < 1:
            raise Problem(
                Code.SERVICE_UNAVAILABLE, "Too many bundles at once", headers={"Retry-After": "1"}
            )
        try:
            with anyio.fail_after(self.settings.bundle_timeout):
                return await anyio.to_thread.run_sync(
                    self.engine.bundle, body, wanted, limiter=self._bundles, abandon_on_cancel=True
                )
        except TimeoutError:
            seconds = {"seconds": self.settings.bundle_timeout}
            raise Problem(Code.TIMEOUT, "The bundle took too long", seconds) from None
        except AicrError as error:
            raise _of_recipe(error) from None

    def _bundle_request(self, request: Request) -> BundleRequest:
        given = querystring.parameters(request.url.query)
        wanted = BundleRequest(recipe="", lenient=True, jobs=1, literal_commas=True)
        for name, (field, message) in _REPEATED.items():
            values = tuple(given.get(name, ()))
            change: dict[str, Any] = {field: values}
            wanted = wanted._replace(**change)
            self._try(wanted, message)
        deployer = (given.get("deployer", [""])[0] or "helm").strip().lower()
        known = self.engine.session.deployers()
        if deployer not in known:
            error = (
                f'[INVALID_REQUEST] invalid deployer type "{deployer}": must be one of '
                f"[{' '.join(known)}]"
            )
            raise Problem(Code.INVALID_REQUEST, "Invalid deployer parameter", {"error": error})
        gate = given.get("workload-gate", [""])[0]
        self._try(wanted._replace(workload_gate=gate), "Invalid workload-gate parameter")
        count = given.get("nodes", [""])[0]
        try:
            number = int(count) if count and count.strip() == count and "_" not in count else 0
        except ValueError:
            number = -1
        if number < 0 or number >= 2**63 or (count and count.strip() != count):
            raise Problem(Code.INVALID_REQUEST, "nodes must be a non-negative integer")
        return wanted._replace(
            deployer=deployer, workload_gate=gate, nodes=number, repo=given.get("repo", [""])[0]
        )

    def _try(self, wanted: BundleRequest, message: str) -> None:
        """Parse what is known of a request so far, to name the parameter that is wrong. Raises Problem."""
        try:
            self.engine.session.check(wanted)
        except AicrError as error:
            raise Problem(Code.INVALID_REQUEST, message, {"error": str(error)}) from None

    def _check_recipe(self, body: bytes) -> None:
        """Refuse a body that is no recipe before any work is done on it. Raises Problem."""
        if not body:
            raise Problem(Code.INVALID_REQUEST, "Invalid request body", {"error": "EOF"})
        try:
            document = bodies.mapping(bodies.json_value(body), "JSON", blind=False)
        except AicrError as error:
            raise problems.of(error, "Invalid request body") from None
        refs = document.get("componentRefs")
        if refs is None or refs == []:
            raise Problem(
                Code.INVALID_REQUEST, "Recipe must contain at least one component reference"
            )
        if not isinstance(refs, list):
            details = {"error": "[INVALID_REQUEST] componentRefs is no list"}
            raise Problem(Code.INVALID_REQUEST, "Invalid request body", details)
        self._check_bundle_allowed(document.get("criteria"))

    def _check_bundle_allowed(self, criteria: Any) -> None:
        allowed = self.settings.allowed
        if not allowed:
            return
        if not isinstance(criteria, dict):
            # Without criteria a recipe would pass every list (D8).
            raise Problem(
                Code.INVALID_REQUEST, "the recipe has no criteria, which this server restricts",
                {"restricted": sorted(allowed)},
            )  # fmt: skip
        found = {}
        for name in allowed:
            try:
                found[name] = self.engine.vocabulary.parse(name, str(criteria.get(name) or ""))
            except AicrError as error:
                raise problems.of(error, "Invalid request body") from None
        check_allowed(found, allowed)

    # --- the service itself -----------------------------------------------------------------------

    async def root(self, _request: Request) -> Response:
        """Say what this service is."""
        body = {"routes": list(ROUTES), "service": "aicrd", "version": __version__}
        return Response(encode(body), media_type="application/json")


def _of_recipe(error: AicrError) -> Problem:
    """Give the problem of a recipe that cannot be bundled; what it names and nobody has is a client's mistake (D7)."""
    found = problems.of(error)
    if found.code is Code.NOT_FOUND:
        return Problem(Code.INVALID_REQUEST, found.message, found.details, hint=found.hint)
    return found


def _not_there(selector: str, error: NotThere) -> str:
    """Say what a selector does not find in the words of the specification (section 8)."""
    start = f'[NOT_FOUND] selector "{selector.removeprefix(".")}": '
    if error.available is None:
        return f'{start}cannot descend into non-map value at "{error.step}"'
    return f'{start}key "{error.step}" not found, available keys: {", ".join(error.available)}'


def _etag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'


def _json(request: Request, body: bytes, *, cached: bool) -> Response:
    """Give a JSON answer; one that may be kept has a strong validator, and is not sent again to who has it."""
    headers = {"Cache-Control": CACHED if cached else "no-store"}
    if cached:
        tag = _etag(body)
        headers["ETag"] = tag
        known = request.headers.get("if-none-match", "")
        if tag in (item.strip() for item in known.split(",")) or known.strip() == "*":
            return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
