"""``POST /v1/bundle``: a recipe in, a zip archive out, or the list of what would be in it (spec/server.md 9, 22)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.responses import Response

from aicr_core.api import AicrError, BundleRequest, Code
from aicr_server import answers, archive, bodies, problems, querystring, uploads
from aicr_server.engine import Kept, digest
from aicr_server.problems import Problem, encode
from aicr_server.streaming import Streamed

if TYPE_CHECKING:
    from starlette.requests import Request

    from aicr_server.archive import Archive
    from aicr_server.engine import Engine
    from aicr_server.settings import ServerSettings
    from aicr_server.work import Work

REPEATED = {
    "set": ("set_values", "Invalid set parameter"),
    "set-string": ("set_strings", "Invalid set-string parameter"),
    "set-json": ("set_jsons", "Invalid set-json parameter"),
    "dynamic": ("dynamic", "Invalid dynamic parameter"),
    "system-node-selector": ("system_node_selector", "Invalid system-node-selector"),
    "accelerated-node-selector": ("accelerated_node_selector", "Invalid accelerated-node-selector"),
    "system-node-toleration": ("system_node_tolerations", "Invalid system-node-toleration"),
    "accelerated-node-toleration": ("accelerated_node_tolerations", "Invalid accelerated-node-toleration"),
    "workload-selector": ("workload_selector", "Invalid workload-selector parameter"),
}  # fmt: skip
"""Parameters that may be repeated, in the order of checking: field of the request, message of a bad one."""


_LONGEST_QUERY = 2048
"""Of query strings longer than this the meaning is not kept."""


_ZIP = "application/zip"


class Wanted(NamedTuple):
    """What the query string of a request means."""

    request: BundleRequest
    dry_run: bool


class Bundles:
    """The endpoint over one engine."""

    def __init__(self, engine: Engine, settings: ServerSettings, work: Work) -> None:
        self._engine = engine
        self._settings = settings
        self._work = work
        self._meanings: Kept[Wanted] = Kept(256)

    async def bundle(self, request: Request) -> Response:
        """Make a bundle of a recipe. Parameters are checked first: a bad one hides a bad body."""
        wanted = self._wanted(request.url.query)
        body = await bodies.read(request, self._settings.bundle_body, self._settings.body_timeout)
        started = time.perf_counter()
        # Made from this body with these parameters before, so both were checked before.
        key = (digest(body), wanted.request)
        found = self._engine.archives.find(key)
        if found is None:
            found = await self._work.do("bundle", lambda: self._made(body, wanted.request))
            if found.data:
                self._engine.archives.keep(key, found)
        if wanted.dry_run:
            return answers.once(request, await self._listed(found), found.notes)
        headers = _headers(found, (time.perf_counter() - started) * 1000)
        if found.data:
            response = Response(found.data, media_type=_ZIP, headers=headers)
        else:
            response = Streamed(found.batches(), self._work, _ZIP, headers)
        response.raw_headers += answers.warning_headers(found.notes)
        return response

    async def _listed(self, found: Archive) -> bytes:
        """Give the list of files; a large archive is compressed to know its length. Raises Problem (503, 504)."""
        if found.data:
            return encode(archive.listing(found))
        return await self._work.do("bundle", lambda: encode(archive.listing(found)))

    def _made(self, body: bytes, request: BundleRequest) -> Archive:
        """Make the archive; reading what is sent may take its time too. Raises AicrError, and Problem for no recipe."""
        self._check_recipe(body)
        return self._engine.bundle(body, request)

    def _wanted(self, query: str) -> Wanted:
        """Give what a query string means. Raises Problem for the first parameter that is wrong."""
        if len(query) > _LONGEST_QUERY:
            return self._parsed(query)
        return self._meanings.get(query, lambda: self._parsed(query))

    def _parsed(self, query: str) -> Wanted:
        given = querystring.parameters(query)
        wanted = BundleRequest(recipe="", lenient=True, jobs=1, literal_commas=True)
        for name, (field, message) in REPEATED.items():
            if name in given:
                change: dict[str, Any] = {field: tuple(given[name])}
                wanted = wanted._replace(**change)
                self._try(wanted, message)

        def first(name: str) -> str:
            return given.get(name, [""])[0]

        deployer = (first("deployer") or "helm").strip().lower()
        known = self._engine.session.deployers()
        if deployer not in known:
            error = (
                f'[INVALID_REQUEST] invalid deployer type "{deployer}": must be one of '
                f"[{' '.join(known)}]"
            )
            raise Problem(Code.INVALID_REQUEST, "Invalid deployer parameter", {"error": error})
        gate = first("workload-gate")
        wanted = wanted._replace(
            deployer=deployer, workload_gate=gate, nodes=_nodes(first("nodes")),
            repo=first("repo"), app_name=first("app-name"), only=_only(given.get("bundlers")),
        )  # fmt: skip
        self._try(wanted, "Invalid workload-gate parameter")
        try:
            dry_run = querystring.switch(given, "dry-run")
        except AicrError as error:
            raise problems.of(error, "Invalid dry-run parameter") from None
        return Wanted(wanted, dry_run)

    def _try(self, wanted: BundleRequest, message: str) -> None:
        """Parse what is known of a request so far, to name the parameter that is wrong. Raises Problem."""
        try:
            self._engine.session.check(wanted)
        except AicrError as error:
            raise Problem(Code.INVALID_REQUEST, message, {"error": str(error)}) from None

    def _check_recipe(self, body: bytes) -> None:
        """Refuse a body that is no recipe before any work is done on it. Raises Problem."""
        if not body:
            raise Problem(Code.INVALID_REQUEST, uploads.INVALID, {"error": "EOF"})
        try:
            document = bodies.mapping(bodies.json_value(body), "JSON", blind=False)
        except AicrError as error:
            raise problems.of(error, uploads.INVALID) from None
        refs = document.get("componentRefs")
        if refs is None or refs == []:
            raise Problem(
                Code.INVALID_REQUEST, "Recipe must contain at least one component reference"
            )
        if not isinstance(refs, list):
            details = {"error": "[INVALID_REQUEST] componentRefs is no list"}
            raise Problem(Code.INVALID_REQUEST, uploads.INVALID, details)
        uploads.check_recipe(document, self._engine.vocabulary, self._settings.allowed)


def _nodes(text: str) -> int:
    """Read a number of nodes: the whole text, no blanks, 63 bits (section 9). Raises Problem."""
    if not text:
        return 0
    try:
        number = int(text) if text.strip() == text and "_" not in text else -1
    except ValueError:
        number = -1
    if not 0 <= number < 2**63:
        raise Problem(Code.INVALID_REQUEST, "nodes must be a non-negative integer")
    return number


def _only(given: list[str] | None) -> tuple[str, ...]:
    """Read ``bundlers``: names by comma, repeatable, in one order for all spellings (D10). Raises Problem."""
    if given is None:
        return ()
    names = [name.strip() for text in given for name in text.split(",")]
    if not all(names):
        details = {"error": "[INVALID_REQUEST] bundlers names no component"}
        raise Problem(Code.INVALID_REQUEST, "Invalid bundlers parameter", details)
    return tuple(sorted(set(names)))


def _headers(found: Archive, milliseconds: float) -> dict[str, str]:
    return {
        "Content-Disposition": 'attachment; filename="bundles.zip"',
        "X-Bundle-Files": str(found.files),
        "X-Bundle-Size": str(found.size),
        "X-Bundle-Duration": f"{milliseconds:.3f}ms",
        "X-Bundle-Notes": str(len(found.notes)),
        "Cache-Control": answers.UNCACHED,
        "ETag": found.etag,
    }
