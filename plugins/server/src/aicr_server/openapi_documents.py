"""Schemas of documents that are this server's own: explanations, choices, comparisons, lists (spec/server.md 22)."""

from __future__ import annotations

from typing import Any

from aicr_server.settings import DIMENSIONS

Node = dict[str, Any]
_TEXT: Node = {"type": "string"}
_TEXTS: Node = {"type": "array", "items": _TEXT}
_COUNT: Node = {"type": "integer", "minimum": 0}
_FLAG: Node = {"type": "boolean"}


def schema(name: str) -> Node:
    """Give a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(**fields: Node) -> Node:
    """Give an object whose fields are all there."""
    return {"type": "object", "properties": fields, "required": list(fields)}


def documents(snapshot: Node) -> dict[str, Node]:
    """Give the schemas by name; ``snapshot`` is the engine's own of what it reads."""
    side: Node = {
        "type": "object",
        "properties": {"recipe": schema("RecipeInput"), "criteria": schema("CriteriaOnly")},
        "oneOf": [{"required": ["recipe"]}, {"required": ["criteria"]}],
    }
    return {
        "Snapshot": {
            **snapshot,
            "examples": [
                {
                    "kind": "Snapshot",
                    "apiVersion": "aicr.nvidia.com/v1alpha1",
                    "measurements": [
                        {"type": "K8s", "subtypes": [{"subtype": "server", "data": {"version": "v1.33.1"}}]}
                    ],
                }
            ],
        },
        "Side": side,
        "ValidateRequest": {
            **side,
            "properties": {
                **side["properties"],
                "snapshot": schema("Snapshot"),
                "phases": {"anyOf": [_TEXT, _TEXTS, {"type": "null"}], "description": "Which to report on"},
            },
            "required": ["snapshot"],
            "additionalProperties": False,
        },
        "DiffRequest": {
            **record(**{"from": schema("Side"), "to": schema("Side")}),
            "additionalProperties": False,
            "examples": [{"from": {"criteria": {"service": "eks"}}, "to": {"criteria": {"service": "gke"}}}],
        },
        "Explained": record(
            recipe=schema("Recipe"),
            warnings=_TEXTS,
            components={
                "type": "object",
                "description": "By name: overlays that name the component, and where each value comes from",
                "additionalProperties": {"type": "object"},
            },
        ),
        "Choices": record(
            criteria={"type": "object"},
            covered={**_FLAG, "description": "Every stated value is covered by an overlay"},
            missing={**_TEXTS, "description": "Dimensions that no overlay covers"},
            dimensions=_by_dimension(
                {**_VALUE, "possible": {**_FLAG, "description": "May be chosen beside what is stated"}}
            ),
        ),
        "Catalogue": record(
            version=_TEXT, fingerprint=_TEXT, criteria=_by_dimension(_VALUE),
            components=_rows(name=_TEXT), overlays=_rows(name=_TEXT),
            deployers=_rows(name=_TEXT, title=_TEXT), plugins=_rows(name=_TEXT, version=_TEXT),
        ),
        "Version": record(
            service={"const": "aicrd"}, version=_TEXT, apiVersions=_TEXTS, catalogue=_TEXT, python=_TEXT
        ),
        "Diff": record(
            equal=_FLAG, summary={"type": "object"}, criteria={"type": "array"}, overlays={"type": "object"},
            components={"type": "object"}, constraints={"type": "object"}, validation={"type": "array"},
            deploymentOrder={"type": "object"}, warnings=_TEXTS,
        ),
        "Report": {
            **record(reportFormat={"const": "CTRF"}, specVersion=_TEXT, results={"type": "object"}),
            "description": "CTRF; what did not pass is in it, with status 200",
        },
        "BundleList": record(
            deployer=_TEXT,
            files=_rows(path=_TEXT, mode={**_TEXT, "pattern": "^0[0-7]{3}$"}, size=_COUNT, digest=_DIGEST),
            size=_COUNT, archive=record(size=_COUNT, etag=_TEXT), notes=_TEXTS,
        ),
    }  # fmt: skip


_DIGEST: Node = {**_TEXT, "pattern": "^sha256:[0-9a-f]{64}$"}
_VALUE: dict[str, Node] = {
    "value": _TEXT,
    "aliases": _TEXTS,
    "allowed": {**_FLAG, "description": "This server takes it"},
}


def _rows(**fields: Node) -> Node:
    return {"type": "array", "items": record(**fields)}


def _by_dimension(fields: dict[str, Node]) -> Node:
    return record(**{name: _rows(**fields) for name in DIMENSIONS})
