"""The operations of the OpenAPI document: one entry for each path and method that the application has.

``tests/test_openapi.py`` holds the keys against the table of routes, so a route without an entry fails there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_server.openapi_parts import (
    CHAINED,
    COUNT,
    EVERYWHERE,
    TEXT,
    failures,
    headers,
    schema,
    value,
)
from aicr_server.settings import DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_server.vocabulary import Vocabulary

Node = dict[str, Any]
_TOLERATION = "^[^:]+:(NoSchedule|PreferNoSchedule|NoExecute)$"
_REPEATED: dict[str, tuple[str, str, list[str]]] = {
    "set": ("A value of a component: component:path=value", "^[^:=]*:[^=]+=.+$", ["gpu-operator:driver.enabled=false"]),
    "system-node-selector": ("Nodes for system parts: key=value", "=", ["role=system"]),
    "accelerated-node-selector": ("Nodes with accelerators: key=value", "=", ["accelerator=h100"]),
    "system-node-toleration": (
        "Taint of system nodes: key[=value]:Effect", _TOLERATION, ["dedicated=system:NoSchedule"],
    ),
    "accelerated-node-toleration": (
        "Taint of nodes with accelerators: key[=value]:Effect", _TOLERATION, ["nvidia.com/gpu:NoSchedule"],
    ),
    "workload-selector": ("Nodes of workloads: key=value", "=", ["team=ml"]),
}  # fmt: skip


def operations(vocabulary: Vocabulary, deployers: Sequence[str]) -> dict[tuple[str, str], Node]:
    """Give the operations by path and method."""
    criteria = _criteria(vocabulary)
    yaml_types = ("application/yaml", "application/x-yaml", "text/yaml")
    return {
        ("/", "GET"): _operation(
            "getRoot", "What this service is", "System", _json("The service", "Service")
        ),
        ("/v1/recipe", "GET"): _operation(
            "getRecipe", "Resolve criteria to a recipe", "Recipes", _kept("The recipe", "Recipe"), parameters=criteria,
        ),
        ("/v1/recipe", "POST"): _operation(
            "createRecipe", "Resolve a criteria document to a recipe", "Recipes",
            _json("The recipe", "Recipe", "Cache-Control"), _body("RecipeCriteria", "application/json", *yaml_types),
            more=(408, 413),
        ),
        ("/v1/query", "GET"): _operation(
            "getQuery", "One value of the recipe with all component values", "Recipes", _any_value(kept=True),
            parameters=[
                *criteria,
                _parameter(
                    "selector", "Path to the value, steps joined by dots; empty: all of it", TEXT, ["deploymentOrder"],
                ),
            ],
            more=(404,),
        ),
        ("/v1/query", "POST"): _operation(
            "createQuery", "One value of the recipe with all component values", "Recipes", _any_value(kept=False),
            _body("QueryRequest", "application/json", "application/yaml"), more=(404, 408, 413),
        ),
        ("/v1/bundle", "POST"): _operation(
            "createBundle", "Make a bundle of a recipe", "Bundles", _archive(),
            _body("RecipeInput", "application/json"), parameters=_bundle_parameters(deployers), more=(408, 413, 504),
        ),
        ("/health", "GET"): _probe(
            "healthCheck", "Whether the process lives", {"200": _plain("It does", "Health")}
        ),
        ("/ready", "GET"): _probe(
            "readinessCheck", "Whether the process takes requests",
            {"200": _plain("It does", "Ready"), "503": _plain("It does not, or no more", "NotReady")},
        ),
        ("/metrics", "GET"): _probe(
            "getMetrics", "Counters in the text format of Prometheus", _text("Counters", "text/plain")
        ),
        ("/openapi.json", "GET"): _operation(
            "getOpenapi", "This document", "System", _document("application/json", {"type": "object"})
        ),
        ("/openapi.yaml", "GET"): _operation(
            "getOpenapiYaml", "This document as YAML", "System", _document("application/yaml", {"type": "object"})
        ),
        ("/docs", "GET"): _operation("getDocs", "This document as a page", "System", _document("text/html", TEXT)),
        ("/docs.css", "GET"): _operation("getDocsStyle", "The page's style", "System", _document("text/css", TEXT)),
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
        "parameters": [*parameters, _REQUEST_ID],
        "responses": {**answers, **failures(*EVERYWHERE, *more)},
    }  # fmt: skip
    if body is not None:
        found["requestBody"] = body
    return found


def _probe(name: str, summary: str, answers: Node) -> Node:
    """Give an operation that is never limited and needs no token."""
    responses = {**answers, **failures(400, 405, 431)}
    found: Node = {"operationId": name, "summary": summary, "tags": ["Health"]}
    if name == "getMetrics":
        return {**found, "responses": responses}
    return {**found, "security": [], "responses": responses}


def _parameter(name: str, text: str, kind: Node, examples: Sequence[Any] = ()) -> Node:
    found: Node = {"name": name, "in": "query", "description": text, "schema": kind}
    if examples:
        found["examples"] = {f"example{n}": {"value": item} for n, item in enumerate(examples, 1)}
    return found


_REQUEST_ID: Node = {
    "name": "X-Request-Id", "in": "header", "description": "A UUID that the answer and the log will carry",
    "schema": TEXT, "examples": {"uuid": {"value": "6f1b0d1e-8d0c-4a39-9a3f-0c7d3b1f5a10"}},
}  # fmt: skip


def _criteria(vocabulary: Vocabulary) -> list[Node]:
    nodes = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
    found = []
    for name in DIMENSIONS:
        known = list(vocabulary.values[name])
        text = f"The {name}, in any case; absent, empty or any: every one"
        if name == "accelerator":
            # No parameter of its own: whether its value counts depends on this one, which no schema can say.
            text += ". `gpu` is another name, read where this one is absent or empty"
        found.append(_parameter(name, text, value(vocabulary, name), known[:1]))
    found.append(_parameter("nodes", "Number of nodes; 0: any number", nodes, [8]))
    return found


def _bundle_parameters(deployers: Sequence[str]) -> list[Node]:
    found = [
        {
            **_parameter(
                name, text, {"type": "array", "items": {"type": "string", "pattern": pattern}}
            ),
            "examples": {"one": {"value": examples}},
        }
        for name, (text, pattern, examples) in _REPEATED.items()
    ]
    return [
        *found,
        _parameter("deployer", "What deploys the bundle", {"type": "string", "enum": [*deployers, ""]}, ["helm"]),
        _parameter("repo", "Address of the repository that the bundle will lie in", TEXT),
        _parameter(
            "workload-gate", "Taint that keeps workloads away until all is deployed: key[=value]:Effect",
            {"type": "string", "pattern": f"{_TOLERATION}|^$"},
        ),
        _parameter("nodes", "Number of nodes", COUNT, [8]),
    ]  # fmt: skip


def _body(name: str, *media_types: str) -> Node:
    content = {media: {"schema": schema(name)} for media in media_types}
    return {"required": True, "content": content}


def _answer(text: str, media: str, kind: Node, names: Sequence[str]) -> Node:
    return {"description": text, "headers": headers(*names), "content": {media: {"schema": kind}}}


def _json(text: str, name: str, *more: str) -> Node:
    return {"200": _answer(text, "application/json", schema(name), (*CHAINED, *more))}


def _plain(text: str, name: str) -> Node:
    return {"description": text, "content": {"application/json": {"schema": schema(name)}}}


def _kept(text: str, name: str) -> Node:
    """Give an answer that may be kept and asked for again by its tag."""
    return {**_json(text, name, "Cache-Control", "ETag"), "304": _unchanged()}


def _unchanged() -> Node:
    return {
        "description": "What the client has (If-None-Match) is current",
        "headers": headers(*CHAINED, "Cache-Control", "ETag"),
    }


def _any_value(*, kept: bool) -> Node:
    names = (*CHAINED, "Cache-Control", *(("ETag",) if kept else ()))
    found = {"200": _answer("The value, of any type", "application/json", {}, names)}
    return {**found, "304": _unchanged()} if kept else found


def _archive() -> Node:
    names = (
        *CHAINED, "Cache-Control", "ETag", "Content-Disposition", "X-Bundle-Files", "X-Bundle-Size",
        "X-Bundle-Duration", "X-Bundle-Notes",
    )  # fmt: skip
    kind = {"type": "string", "contentMediaType": "application/zip"}
    return {"200": _answer("A zip archive of the bundle", "application/zip", kind, names)}


def _text(text: str, media: str) -> Node:
    return {"200": {"description": text, "content": {media: {"schema": TEXT}}}}


def _document(media: str, kind: Node) -> Node:
    names = (*CHAINED, "Cache-Control", "ETag")
    return {"200": _answer("The document", media, kind, names), "304": _unchanged()}
