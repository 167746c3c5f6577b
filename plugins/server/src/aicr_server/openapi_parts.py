"""Schemas, headers and responses that the operations of the OpenAPI document share (spec/server.md 4, 5, 14).

What the engine reads has its schema from the engine; what only this server says is described here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_server.openapi_documents import documents, record, schema
from aicr_server.problems import PROBLEM_TYPE, STATUS
from aicr_server.querystring import MOST_NODES
from aicr_server.settings import DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_server.vocabulary import Vocabulary

Node = dict[str, Any]
TEXT: Node = {"type": "string"}
COUNT: Node = {"type": "integer", "minimum": 0}
_TIME: Node = {"type": "string", "format": "date-time"}
_UUID_TEXT: Node = {"type": "string", "description": "A UUID; the client's own where it sent one"}

_HEADERS: dict[str, tuple[str, Node]] = {
    "X-API-Version": ("Version of the API", {"const": "v1"}),
    "X-Request-Id": ("The client's UUID, or a new one", TEXT),
    "X-RateLimit-Limit": ("Requests a second", COUNT),
    "X-RateLimit-Remaining": ("Requests that are left at once", COUNT),
    "X-RateLimit-Reset": ("Unix time at which there is one more", COUNT),
    "Retry-After": ("Seconds to wait", COUNT),
    "Cache-Control": ("How long an answer may be kept", TEXT),
    "ETag": (
        "Strong validator: a digest of the answer",
        {**TEXT, "pattern": '^"[0-9a-f]+(-gzip)?"$'},
    ),
    "Allow": ("Methods of the path", TEXT),
    "WWW-Authenticate": ("How to authenticate", TEXT),
    "Content-Disposition": ("Name for the file", TEXT),
    "X-Bundle-Files": ("Files in the archive", COUNT),
    "X-Bundle-Size": ("Their bytes, unpacked", COUNT),
    "X-Bundle-Duration": ("Time it took", {**TEXT, "pattern": "^[0-9]+(\\.[0-9]+)?ms$"}),
    "X-Bundle-Notes": ("Notes for whoever deploys it", COUNT),
    "X-AICR-Warnings": (
        "How many things a person should know; the texts are in X-AICR-Warning",
        COUNT,
    ),
    "Vary": ("Headers of the request that the answer depends on", TEXT),
}
CHAINED = (
    "X-API-Version", "X-Request-Id",
    "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset",
)  # fmt: skip

_FAILURES: dict[int, tuple[str, str, tuple[str, ...]]] = {
    400: ("Invalid", "A parameter, the body or the request as HTTP is wrong", ()),
    401: ("Unauthorized", "The server wants a bearer token", ("WWW-Authenticate",)),
    404: ("NotFound", "There is no such thing", ()),
    405: ("WrongMethod", "The path has other methods", ("Allow",)),
    406: ("NotAcceptable", "The client takes no form of the answer", ()),
    408: ("SlowBody", "The body was not complete in time", ()),
    413: ("TooLarge", "The body is larger than the server takes", ()),
    429: ("TooMany", "The client asked more often than it may", ("Retry-After",)),
    431: ("HeadersTooLarge", "The header is larger than the server takes", ()),
    500: ("Defect", "The server has a defect", ()),
    503: ("Unavailable", "Not loaded yet, or too much work at once", ("Retry-After",)),
    504: ("TooSlow", "The work took too long", ()),
}
EVERYWHERE = (400, 401, 405, 429, 431, 500, 503)
"""Answers that every limited route may give."""


_RECIPE = {
    "kind": "RecipeResult",
    "apiVersion": "aicr.nvidia.com/v1alpha1",
    "componentRefs": [
        {
            "name": "operator", "namespace": "operator", "type": "Helm", "chart": "operator",
            "source": "https://charts.example.com", "version": "v1.2.3",
        }
    ],
    "deploymentOrder": ["operator"],
}  # fmt: skip


_LABEL = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_COMPONENT: Node = {
    "properties": {
        "name": {"pattern": _LABEL}, "namespace": {"pattern": f"{_LABEL}|^$"}, "patches": {"maxItems": 0},
    }
}  # fmt: skip
_DEPLOYABLE: Node = {
    "description": "Names become those of files and of objects in a cluster",
    "properties": {"componentRefs": {"items": _COMPONENT}},
}


def headers(*names: str) -> Node:
    """Give references to headers."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def failures(*statuses: int) -> Node:
    """Give references to the answers of failures."""
    return {
        str(status): {"$ref": f"#/components/responses/{_FAILURES[status][0]}"}
        for status in sorted(statuses)
    }


def value(vocabulary: Vocabulary, dimension: str) -> Node:
    """Give the schema of a criteria value as a client may write it: canonical names, ``any``, and aliases."""
    known = vocabulary.values[dimension]
    aliases = sorted({alias for names in known.values() for alias in names})
    aliases += vocabulary.any_words[dimension]
    return {"type": "string", "enum": list(dict.fromkeys([*known, "any", *aliases, ""]))}


def components(
    vocabulary: Vocabulary, written: Mapping[str, Node], read: Mapping[str, Node]
) -> Node:
    """Give the whole ``components`` object; the engine's schemas are those of what it writes and of what it reads."""
    recipe, given = written["RecipeResult"], read["RecipeResult"]
    wanted: Node = {}
    for name in DIMENSIONS:
        wanted[name] = {"enum": [*value(vocabulary, name)["enum"], None]}
    wanted["nodes"] = {
        "type": ["integer", "null"], "minimum": 0, "maximum": MOST_NODES, "description": "0: any number",
    }  # fmt: skip
    spec = {"type": ["object", "null"], "properties": wanted}
    shown = {
        name: {"type": "string", "enum": [*vocabulary.values[name], "any"]} for name in DIMENSIONS
    }
    return {
        "schemas": {
            "Error": _error(),
            "Problem": _problem(),
            "CriteriaSpec": spec,
            "CriteriaOnly": {**spec, "type": "object", "additionalProperties": False},
            "RecipeCriteria": {
                "type": ["object", "null"],
                "properties": {
                    "kind": {"enum": ["RecipeCriteria", "", None]},
                    "apiVersion": {"enum": ["aicr.nvidia.com/v1alpha1", "", None]},
                    "metadata": {"description": "Not read"},
                    "spec": schema("CriteriaSpec"),
                },
                "examples": [{"kind": "RecipeCriteria", "spec": {"service": "eks", "intent": "training"}}],
            },
            "QueryRequest": {
                "type": "object",
                "required": ["criteria"],
                "properties": {
                    "criteria": {**spec, "type": "object"},
                    "selector": {"type": ["string", "null"]},
                },
                "examples": [{"criteria": {"service": "eks"}, "selector": "deploymentOrder"}],
            },
            "Recipe": {
                **recipe,
                "properties": {
                    **recipe["properties"],
                    "kind": {"const": "RecipeResult"},
                    "criteria": {
                        "type": "object",
                        "properties": {**shown, "nodes": COUNT},
                        "required": list(DIMENSIONS),
                    },
                },
                "required": ["kind", "apiVersion", "metadata", "criteria", "componentRefs", "deploymentOrder"],
            },
            "BundleRecipe": {"allOf": [schema("RecipeInput"), _DEPLOYABLE]},
            # What a client sends back may have been changed by hand, so it is held to less.
            "RecipeInput": {
                **given,
                "properties": {
                    **given["properties"],
                    "componentRefs": {**given["properties"]["componentRefs"], "type": "array", "minItems": 1},
                },
                "required": ["componentRefs"],
                "examples": [_RECIPE],
            },
            **documents(read["Snapshot"]),
            "Service": record(routes={"type": "array", "items": TEXT}, service={"const": "aicrd"}, version=TEXT),
            "Health": record(status={"const": "healthy"}, timestamp=_TIME),
            "Ready": record(status={"const": "ready"}, timestamp=_TIME),
            "NotReady": record(status={"const": "not_ready"}, timestamp=_TIME, reason=TEXT),
        },
        "headers": {
            name: {"description": text, "schema": kind} for name, (text, kind) in _HEADERS.items()
        },
        "responses": {name: _failure(text, more) for name, text, more in _FAILURES.values()},
        "securitySchemes": {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "Wanted where the operator gave a file of tokens (AICR_TOKEN_FILE)",
            }
        },
    }  # fmt: skip


def _error() -> Node:
    fields: dict[str, Node] = {
        "code": {"type": "string", "enum": [str(code) for code in STATUS]},
        "message": TEXT,
        "details": {"type": "object"},
        "requestId": _UUID_TEXT,
        "timestamp": _TIME,
        "retryable": {"type": "boolean", "description": "The same request may succeed later"},
    }
    return {
        "type": "object", "properties": fields,
        "required": [name for name in fields if name != "details"],
        "additionalProperties": False,
    }  # fmt: skip


def _problem() -> Node:
    """Give the same in the form of RFC 9457."""
    error = _error()
    fields = {
        "type": {"const": "about:blank"}, "title": TEXT, "status": {"type": "integer"}, "instance": TEXT,
        **{name: field for name, field in error["properties"].items() if name != "message"},
        "hint": {**TEXT, "description": "How to mend it"},
    }  # fmt: skip
    return {
        "type": "object", "properties": fields,
        "required": [name for name in fields if name != "hint"],
        "additionalProperties": False,
    }  # fmt: skip


def _failure(text: str, more: tuple[str, ...]) -> Node:
    return {
        "description": text,
        "headers": headers(*CHAINED[:2], *more),
        "content": {
            "application/json": {"schema": schema("Error")},
            PROBLEM_TYPE: {"schema": schema("Problem")},
        },
    }
