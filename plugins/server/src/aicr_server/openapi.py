"""The OpenAPI 3.1 document of this server, made from what the server itself uses (spec/server.md 14, 21.8).

Paths come from the table of routes, criteria values from the vocabulary, deployers from the plugins, documents from the
engine's own tables; ``openapi_operations`` and ``openapi_parts`` add what no code says.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aicr_core.api import Session, __version__
from aicr_server.openapi_operations import operations
from aicr_server.openapi_parts import components
from aicr_server.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping

_ABOUT = """Exact recipes for clusters, one value of them, and bundles to deploy them, over HTTP.

The same request always has the same answer: nothing depends on the time or on earlier requests. HEAD goes where GET
goes. A path with `//`, `/./` or `/../` is redirected (307). Failures are one document;
`Accept: application/problem+json` gives it in the form of RFC 9457."""


def document(session: Session) -> dict[str, Any]:
    """Give the document for what is installed."""
    vocabulary = Vocabulary(session.criteria_values())
    paths: dict[str, dict[str, Any]] = {}
    for (path, method), operation in operations(vocabulary, session.deployers()).items():
        paths.setdefault(path, {})[method.lower()] = operation
    used = components(vocabulary, session.schemas(), session.schemas(nulls=True))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AICR API Server",
            "version": __version__,
            "summary": "Recipes and bundles of AI clusters",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "tags": [
            {"name": "Recipes", "description": "Criteria to recipes, and what is in them"},
            {"name": "Catalogue", "description": "What there is to choose from"},
            {"name": "Bundles", "description": "Recipes to files that deploy them"},
            {"name": "Health", "description": "Probes and counters; never limited"},
            {"name": "System", "description": "The service itself"},
        ],
        "paths": dict(sorted(paths.items())),
        "components": _needed(paths, used),
    }


def _needed(paths: Any, used: dict[str, Any]) -> dict[str, Any]:
    """Leave out what nothing refers to."""
    reached: set[tuple[str, str]] = set()
    waiting: list[Any] = [paths]
    while waiting:
        for kind, name in re.findall(r'"#/components/(\w+)/([\w-]+)"', json.dumps(waiting.pop())):
            if (kind, name) not in reached:
                reached.add((kind, name))
                waiting.append(used[kind][name])
    kept = {
        kind: {name: item for name, item in items.items() if (kind, name) in reached}
        for kind, items in used.items()
    }
    return {**kept, "securitySchemes": used["securitySchemes"]}


def text(env: Mapping[str, str]) -> str:
    """Give the document as text, for ``--print-openapi`` and the copy in the manual. Raises AicrError."""
    return json.dumps(document(Session(env)), indent=2, ensure_ascii=False) + "\n"
