"""Bodies of requests: read within a limit and a deadline, decoded as spec/server.md 6 says, linear in their size.

What the decoder of the engine does for recipes and snapshots is left to it; here are criteria, which are small.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
from starlette.requests import ClientDisconnect

from aicr_core.api import AicrError, Code, load, whole_json
from aicr_server.problems import Problem
from aicr_server.querystring import MOST_NODES, Asked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from aicr_server.vocabulary import Vocabulary

Document = dict[str, Any]
YAML_TYPES = ("application/x-yaml", "application/yaml", "text/yaml")
_MARKS = (b"\n", b":", b",", b"[", b"{", b"?", b"- ")
_MOST_MARKS = 2000
KIND, API_VERSION = "RecipeCriteria", "aicr.nvidia.com/v1alpha1"


async def read(request: Request, limit: int, seconds: float) -> bytes:
    """Give the whole body. Raises Problem: 413 beyond ``limit`` bytes, 408 when it is not whole in time."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    parts = []
    size = 0
    try:
        with anyio.fail_after(seconds):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                parts.append(part)
    except ClientDisconnect:
        # Nobody reads the answer; it is what the log says.
        raise Problem(Code.INVALID_REQUEST, "The client went away", status=400) from None
    except TimeoutError:
        raise Problem(
            Code.TIMEOUT, "Request body was not complete in time", {"seconds": seconds},
            status=408, headers={"connection": "close"},
        ) from None  # fmt: skip
    return b"".join(parts)


def _too_large(limit: int) -> Problem:
    return Problem(
        Code.INVALID_REQUEST, "Request body exceeds maximum allowed size", {"limit_bytes": limit},
        status=413, headers={"connection": "close"},
    )  # fmt: skip


def media_type(header: str) -> str:
    """Give a content type without its parameters, in lower case."""
    return header.partition(";")[0].strip().lower()


def json_value(data: bytes) -> Any:
    """Decode JSON: one value, the last of repeated keys, no byte-order mark, no NaN. Raises AicrError."""
    try:
        text = whole_json(data.decode("utf-8", "replace"))
        return json.loads(text, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        text = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise AicrError(Code.INVALID_REQUEST, f"failed to parse JSON body: {text}") from None


def _constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def small_yaml_value(data: bytes) -> Any:
    """Decode YAML that holds criteria: some values, not thousands, which take their time (D4). Raises AicrError.

    Whatever begins a value is counted, so there are at most as many values, and nested no deeper.
    """
    if sum(data.count(mark) for mark in _MARKS) > _MOST_MARKS:
        raise AicrError(
            Code.INVALID_REQUEST, f"failed to parse YAML body: it holds more than {_MOST_MARKS} values"
        )  # fmt: skip
    return yaml_value(data)


def yaml_value(data: bytes) -> Any:
    """Decode the first YAML document; None for an empty one. Raises AicrError."""
    try:
        return load(data, "request body")
    except AicrError as error:
        raise AicrError(Code.INVALID_REQUEST, f"failed to parse YAML body: {error}") from None


def mapping(value: Any, kind: str, *, blind: bool) -> Document:
    """Give the mapping a body holds; null is an empty one. With ``blind`` keys count in any case. Raises AicrError."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise AicrError(Code.INVALID_REQUEST, f"failed to parse {kind} body: it is no mapping")
    return {str(key).lower(): item for key, item in value.items()} if blind else value


def criteria(spec: Mapping[str, Any], vocabulary: Vocabulary, place: str, kind: str) -> Asked:
    """Read criteria out of a decoded mapping; ``place`` completes the message of a bad value. Raises AicrError."""
    found = vocabulary.criteria(lambda name: _text(spec.get(name), name, kind), place)
    return Asked(found, _nodes(spec.get("nodes"), kind))


def _text(value: Any, name: str, kind: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if kind == "YAML" and isinstance(value, (bool, int, float)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    raise AicrError(Code.INVALID_REQUEST, f"failed to parse {kind} body: {name} is no text")


def _nodes(value: Any, kind: str) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        raise AicrError(Code.INVALID_REQUEST, f"failed to parse {kind} body: nodes is no integer")
    if value < 0:
        raise AicrError(Code.INVALID_REQUEST, f"invalid nodes count: {value} (must be >= 0)")
    if value > MOST_NODES:
        raise AicrError(Code.INVALID_REQUEST, f"invalid nodes value: {value}")
    return value


def recipe_criteria(data: bytes, content_type: str, vocabulary: Vocabulary) -> Asked:
    """Read the body of ``POST /v1/recipe``, a RecipeCriteria. Raises AicrError(INVALID_REQUEST)."""
    if not data:
        raise AicrError(Code.INVALID_REQUEST, "request body is empty")
    kind = media_type(content_type)
    if kind in YAML_TYPES:
        form, document = "YAML", mapping(small_yaml_value(data), "YAML", blind=False)
    else:
        try:
            form, document = "JSON", mapping(json_value(data), "JSON", blind=True)
        except AicrError as error:
            if kind in ("", "application/json"):
                raise
            raise AicrError(
                Code.INVALID_REQUEST,
                f'unsupported content type "{content_type}" and failed to parse as JSON: {error.message}',
            ) from None
    blind = form == "JSON"
    version = "apiversion" if blind else "apiVersion"
    for key, shown, wanted in (("kind", "kind", KIND), (version, "apiVersion", API_VERSION)):
        text = _text(document.get(key), shown, form)
        if text not in ("", wanted):
            raise AicrError(Code.INVALID_REQUEST, f'invalid {shown} "{text}", expected "{wanted}"')
    spec = mapping(document.get("spec"), form, blind=blind)
    return criteria(spec, vocabulary, " in criteria spec", form)
