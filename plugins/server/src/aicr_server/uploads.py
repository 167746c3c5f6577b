"""Documents that clients send: recipes, criteria and snapshots inside a body, held to the allowlists before any work.

What is inside a document is judged by the engine; a document names files of the catalogue only, and nothing is fetched.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, Code, Text, nearest
from aicr_server import bodies, problems
from aicr_server.problems import Problem
from aicr_server.settings import DIMENSIONS
from aicr_server.vocabulary import check_allowed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from aicr_server.querystring import Asked
    from aicr_server.vocabulary import Vocabulary

Document = dict[str, Any]
INVALID = "Invalid request body"


class Body(NamedTuple):
    """A decoded body, and whether it came as ``json`` or ``yaml``."""

    document: Document
    form: str


def decode(data: bytes, content_type: str, keys: Collection[str]) -> Body:
    """Decode a body of one of our own routes: a mapping with ``keys`` and no others. Raises Problem."""
    if not data:
        raise problems.of(AicrError(Code.INVALID_REQUEST, "request body is empty"), INVALID)
    form = "yaml" if bodies.media_type(content_type) in bodies.YAML_TYPES else "json"
    try:
        value = bodies.yaml_value(data) if form == "yaml" else bodies.json_value(data)
        document = bodies.mapping(value, form.upper(), blind=False)
        for key in document:
            if key not in keys:
                close = nearest(str(key), keys)
                hint = f'did you mean "{close}"?' if close else f"keys: {', '.join(sorted(keys))}"
                raise AicrError(Code.INVALID_REQUEST, f'unknown key "{key}" ({hint})')
    except AicrError as error:
        raise problems.of(error, INVALID) from None
    return Body(document, form)


def text(value: Any, form: str, name: str) -> Text:
    """Give a part of a body as a document of its own. Raises Problem for one that is no mapping."""
    if not isinstance(value, dict):
        error = AicrError(Code.INVALID_REQUEST, f"{name} is no mapping")
        raise problems.of(error, INVALID)
    try:
        data = json.dumps(value, allow_nan=False, default=str, ensure_ascii=False).encode()
    except (ValueError, RecursionError, TypeError) as error:
        why = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise problems.of(AicrError(Code.INVALID_REQUEST, f"{name}: {why}"), INVALID) from None
    # JSON is YAML too; the form says how numbers were meant.
    return Text(data, form, f"{name} of the request body")


def criteria(
    value: Any, form: str, name: str, vocabulary: Vocabulary, allowed: Mapping[str, tuple[str, ...]]
) -> Asked:
    """Read criteria inside a body. Raises Problem for values that nobody knows, or that are not allowed."""
    try:
        if not isinstance(value, dict):
            raise AicrError(Code.INVALID_REQUEST, f"{name} is no mapping")
        for key in value:
            if key not in (*DIMENSIONS, "nodes"):
                raise AicrError(Code.INVALID_REQUEST, f'{name}: unknown key "{key}"')
        asked = bodies.criteria(value, vocabulary, f" in {name}", form.upper())
    except AicrError as error:
        raise problems.of(error, INVALID) from None
    check_allowed(asked.criteria, allowed)
    return asked


def check_recipe(
    document: Document, vocabulary: Vocabulary, allowed: Mapping[str, tuple[str, ...]]
) -> None:
    """Hold a recipe's criteria to the allowlists: as values, and not left out (D8). Raises Problem."""
    if not allowed:
        return
    given = document.get("criteria")
    if not isinstance(given, dict):
        raise Problem(
            Code.INVALID_REQUEST, "the recipe has no criteria, which this server restricts",
            {"restricted": sorted(allowed)},
        )  # fmt: skip
    found = {}
    for name in allowed:
        try:
            found[name] = vocabulary.parse(name, str(given.get(name) or ""))
        except AicrError as error:
            raise problems.of(error, INVALID) from None
    check_allowed(found, allowed)
