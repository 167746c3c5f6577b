"""The operations of the OpenAPI document: one entry for each path and method that the application has.

``tests/test_openapi.py`` holds the keys against the table of routes, so a route without an entry fails there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_server.answers import JSON, YAML
from aicr_server.openapi_documents import schema
from aicr_server.openapi_parameters import REQUEST_ID, SWITCH, bundle, criteria, parameter
from aicr_server.openapi_parts import CHAINED, EVERYWHERE, TEXT, failures, headers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_server.vocabulary import Vocabulary

Node = dict[str, Any]
_YAMLS = ("application/yaml", "application/x-yaml", "text/yaml")
_SNAPSHOTS = ("application/vnd.aicr.snapshot+json", "application/vnd.aicr.snapshot+yaml")
_UPLOAD = (406, 408, 413, 504)


def operations(vocabulary: Vocabulary, deployers: Sequence[str]) -> dict[tuple[str, str], Node]:
    """Give the operations by path and method."""
    return {
        **_recipes(criteria(vocabulary)), **_bundles(bundle(deployers)), **_offers(criteria(vocabulary)),
        **_probes(), **_documents(),
    }  # fmt: skip


def _recipes(stated: list[Node]) -> dict[tuple[str, str], Node]:
    explain = parameter("explain", "Say who names each component and sets each value", SWITCH)
    selector = parameter(
        "selector", "Path to the value, steps joined by dots; empty: all of it", TEXT, ["deploymentOrder"]
    )  # fmt: skip
    either = {"anyOf": [schema("Recipe"), schema("Explained")]}
    body = _body({media: schema("RecipeCriteria") for media in (JSON, *_YAMLS)})
    body["content"] |= {media: {"schema": schema("Snapshot")} for media in _SNAPSHOTS}
    return {
        ("/v1/recipe", "GET"): _operation(
            "getRecipe", "Resolve criteria to a recipe", "Recipes",
            _kept("The recipe; with `explain` where it comes from", either), parameters=[*stated, explain], more=(406,),
        ),
        ("/v1/recipe", "POST"): _operation(
            "createRecipe",
            "Resolve a criteria document, or a snapshot (its media type says so), to a recipe. Over a snapshot the "
            "query string decides, as in GET, `explain` included; beside a criteria document it is not read",
            "Recipes", _once("The recipe", either), body, more=(*_UPLOAD, 503),
        ),
        ("/v1/query", "GET"): _operation(
            "getQuery", "One value of the recipe with all component values", "Recipes",
            _kept("The value, of any type", {}), parameters=[*stated, selector], more=(404, 406),
        ),
        ("/v1/query", "POST"): _operation(
            "createQuery", "One value of the recipe with all component values", "Recipes",
            _once("The value, of any type", {}), _body({media: schema("QueryRequest") for media in (JSON, YAML)}),
            more=(404, 406, 408, 413),
        ),
        ("/v1/validate", "POST"): _operation(
            "validate", "Hold the constraints of a recipe to a snapshot; no cluster is asked", "Recipes",
            {"200": _answer("The report", {JSON: schema("Report")}, (*CHAINED, "Cache-Control"))},
            _body({media: schema("ValidateRequest") for media in (JSON, *_YAMLS)}), more=_UPLOAD,
        ),
        ("/v1/diff", "POST"): _operation(
            "diff", "What changes from one recipe to another", "Recipes", _once("The changes", schema("Diff")),
            _body({media: schema("DiffRequest") for media in (JSON, *_YAMLS)}), more=_UPLOAD,
        ),
    }  # fmt: skip


def _bundles(parameters: list[Node]) -> dict[tuple[str, str], Node]:
    names = (
        *CHAINED, "Cache-Control", "ETag", "Content-Disposition", "X-Bundle-Files", "X-Bundle-Size",
        "X-Bundle-Duration", "X-Bundle-Notes", "X-AICR-Warnings",
    )  # fmt: skip
    archive = {"type": "string", "contentMediaType": "application/zip"}
    content = {
        "application/zip": archive, JSON: schema("BundleList"), YAML: schema("BundleList"),
    }  # fmt: skip
    return {
        ("/v1/bundle", "POST"): _operation(
            "createBundle", "Make a bundle of a recipe", "Bundles",
            {"200": _answer("A zip archive of the bundle; with `dry-run` the list of its files", content, names)},
            _body({JSON: schema("BundleRecipe")}), parameters=parameters, more=_UPLOAD,
        ),
    }  # fmt: skip


def _offers(stated: list[Node]) -> dict[tuple[str, str], Node]:
    return {
        ("/", "GET"): _operation(
            "getRoot", "What this service is", "System",
            {"200": _answer("The service", {JSON: schema("Service")}, CHAINED)},
        ),
        ("/v1/criteria", "GET"): _operation(
            "getCriteria", "Criteria values, and which can still be chosen beside those that are stated", "Catalogue",
            _kept("The values", schema("Choices")), parameters=stated, more=(406,),
        ),
        ("/v1/catalogue", "GET"): _operation(
            "getCatalogue", "Components, overlays, deployers and plugins of this server", "Catalogue",
            _kept("The catalogue", schema("Catalogue")), more=(406,),
        ),
        ("/v1/version", "GET"): _operation(
            "getVersion", "Version of the server and of its catalogue", "Catalogue",
            _kept("The version", schema("Version")), more=(406,),
        ),
    }  # fmt: skip


def _probes() -> dict[tuple[str, str], Node]:
    return {
        ("/health", "GET"): _probe(
            "healthCheck", "Whether the process lives", {"200": _plain("It does", JSON, schema("Health"))}
        ),
        ("/ready", "GET"): _probe(
            "readinessCheck", "Whether the process takes requests",
            {
                "200": _plain("It does", JSON, schema("Ready")),
                "503": _plain("It does not, or no more", JSON, schema("NotReady")),
            },
        ),
        # With tokens it wants one: it says what clients ask for.
        ("/metrics", "GET"): _probe(
            "getMetrics", "Counters in the text format of Prometheus",
            {"200": _plain("Counters", "text/plain", TEXT), **failures(401)}, is_open=False,
        ),
    }  # fmt: skip


def _documents() -> dict[tuple[str, str], Node]:
    table = {
        "/openapi.json": ("getOpenapi", "This document", JSON, {"type": "object"}),
        "/openapi.yaml": ("getOpenapiYaml", "This document as YAML", YAML, {"type": "object"}),
        "/docs": ("getDocs", "This document as a page", "text/html", TEXT),
        "/docs.css": ("getDocsStyle", "The page's style", "text/css", TEXT),
    }
    names = (*CHAINED, "Cache-Control", "ETag")
    return {
        (path, "GET"): _operation(
            name, summary, "System",
            {"200": _answer("The document", {media: kind}, names), "304": _unchanged()},
        )
        for path, (name, summary, media, kind) in table.items()
    }  # fmt: skip


def _operation(
    name: str,
    summary: str,
    tag: str,
    answers: Node,
    body: Node | None = None,
    *,
    parameters: Sequence[Node] = (),
    more: tuple[int, ...] = (),
) -> Node:
    found: Node = {
        "operationId": name, "summary": summary, "tags": [tag],
        "parameters": [*parameters, REQUEST_ID],
        "responses": {**answers, **failures(*{*EVERYWHERE, *more})},
    }  # fmt: skip
    if body is not None:
        found["requestBody"] = body
    return found


def _probe(name: str, summary: str, answers: Node, *, is_open: bool = True) -> Node:
    """Give an operation that is never limited; one that is open needs no token."""
    found: Node = {"operationId": name, "summary": summary, "tags": ["Health"]}
    if is_open:
        found["security"] = []
    return {**found, "responses": {**answers, **failures(400, 405, 431)}}


def _body(content: dict[str, Node]) -> Node:
    return {
        "required": True,
        "content": {media: {"schema": kind} for media, kind in content.items()},
    }


def _answer(text: str, content: dict[str, Node], names: Sequence[str]) -> Node:
    forms = {media: {"schema": kind} for media, kind in content.items()}
    return {"description": text, "headers": headers(*names), "content": forms}


def _plain(text: str, media: str, kind: Node) -> Node:
    return {"description": text, "content": {media: {"schema": kind}}}


def _kept(text: str, kind: Node) -> Node:
    """Give an answer, as JSON or YAML, that may be kept and asked for again by its tag."""
    names = (*CHAINED, "Cache-Control", "ETag", "Vary", "X-AICR-Warnings")
    return {"200": _answer(text, {JSON: kind, YAML: kind}, names), "304": _unchanged()}


def _once(text: str, kind: Node) -> Node:
    """Give an answer, as JSON or YAML, that nobody keeps."""
    names = (*CHAINED, "Cache-Control", "Vary", "X-AICR-Warnings")
    return {"200": _answer(text, {JSON: kind, YAML: kind}, names)}


def _unchanged() -> Node:
    return {
        "description": "What the client has (If-None-Match) is current",
        "headers": headers(*CHAINED, "Cache-Control", "ETag"),
    }
