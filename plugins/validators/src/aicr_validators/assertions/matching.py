"""Compare an object with what is expected of it (spec/validate.md 9.4): the subset of kyverno's language in use.

A difference is a :class:`Mismatch`, which may go away with time; what can never be compared (a text with a number) or
evaluated is an error. Bindings (``->name``), other expression engines and arithmetic are not known and are errors.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from aicr_core.api import AicrError, Code
from aicr_validators.assertions.expressions import evaluate, is_number

SHOWN = 200
"""Characters of a value in a message."""
_EACH = re.compile(r"~\w*\.(.*)", re.DOTALL)
_BINDING = re.compile(r".*\s*->\s*\w+", re.DOTALL)
_EXPRESSION = re.compile(r"\((?:(\w+);)?(.+)\)", re.DOTALL)


class Mismatch(NamedTuple):
    """One field that is not as expected: where, what is there, and what is wrong with it."""

    path: str
    value: Any
    detail: str

    def __str__(self) -> str:
        return f"{self.path or 'the object'}: {self.detail}"


def mismatches(expected: Any, actual: Any, path: str = "") -> list[Mismatch]:
    """Give the fields of ``actual`` that are not as ``expected``, in its order; empty: it matches.

    Elements of ``path`` are joined by dots, indices stand in brackets, expressions as they are written. Raises
    AicrError(INVALID_REQUEST) where the two cannot be compared; ``where`` is the field.
    """
    try:
        return _match(expected, actual, path)
    except RecursionError:
        raise _error(path, "it is nested too deep to be compared") from None


def _match(expected: Any, actual: Any, path: str) -> list[Mismatch]:
    if isinstance(expected, dict):
        return _mapping(expected, actual, path)
    if isinstance(expected, list):
        return _list(expected, actual, path)
    return _scalar(expected, actual, path)


def _mapping(expected: dict[str, Any], actual: Any, path: str) -> list[Mismatch]:
    if not expected:
        if actual is None:
            return [Mismatch(path, actual, "is null, a mapping is expected")]
        if not isinstance(actual, dict):
            raise _error(path, f"a mapping is expected, and it is {_kind(actual)}")
        return []
    found = []
    for key, wanted in expected.items():
        found += _field(str(key), wanted, actual, f"{path}.{key}" if path else str(key))
    return found


def _field(key: str, wanted: Any, actual: Any, path: str) -> list[Mismatch]:
    each = _EACH.fullmatch(key)
    statement = each[1] if each else key
    if _BINDING.fullmatch(statement):
        raise _error(path, "bindings (->) are not supported")
    expression = _EXPRESSION.fullmatch(statement)
    if expression:
        value = _evaluated(expression, actual, path)
    elif actual is None:
        return [Mismatch(path, "", "is not there")]
    elif not isinstance(actual, dict):
        raise _error(path, f"its parent is {_kind(actual)}, not a mapping")
    elif statement not in actual:
        return [Mismatch(path, "", "is not there")]
    else:
        value = actual[statement]
    return _each(wanted, value, path) if each else _match(wanted, value, path)


def _each(wanted: Any, value: Any, path: str) -> list[Mismatch]:
    if isinstance(value, list):
        elements = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    elif isinstance(value, dict):
        elements = [(f"{path}[{key}]", item) for key, item in value.items()]
    else:
        raise _error(path, f"~. goes over lists and mappings, and this is {_kind(value)}")
    return [found for at, item in elements for found in _match(wanted, item, at)]


def _list(expected: list[Any], actual: Any, path: str) -> list[Mismatch]:
    if actual is None:
        return [Mismatch(path, actual, f"is null, a list of {len(expected)} is expected")]
    if not isinstance(actual, list):
        raise _error(path, f"a list is expected, and it is {_kind(actual)}")
    if len(actual) != len(expected):
        detail = f"has {len(actual)} elements, expected are {len(expected)}"
        return [Mismatch(path, actual, detail)]
    pairs = enumerate(zip(expected, actual, strict=True))
    return [
        found for index, (one, other) in pairs for found in _match(one, other, f"{path}[{index}]")
    ]


def _scalar(expected: Any, actual: Any, path: str) -> list[Mismatch]:
    if isinstance(expected, str) and (expression := _EXPRESSION.fullmatch(expected)):
        expected = _evaluated(expression, actual, path)
    if _equal(expected, actual, path):
        return []
    return [Mismatch(path, actual, f"is {shown(actual)}, expected is {shown(expected)}")]


def _equal(expected: Any, actual: Any, path: str) -> bool:
    """Compare values, of an evaluated expectation too: mappings as subsets, numbers as numbers."""
    if isinstance(expected, (dict, list)) and type(expected) is not type(actual):
        raise _error(path, f"{_kind(expected)} and {_kind(actual)} cannot be compared")
    if isinstance(expected, dict):
        return all(k in actual and _equal(v, actual[k], path) for k, v in expected.items())
    if isinstance(expected, list):
        return len(expected) == len(actual) and all(
            _equal(one, other, path) for one, other in zip(expected, actual, strict=True)
        )
    if expected is None or actual is None:
        return expected is actual
    if _kind(expected) != _kind(actual):
        raise _error(path, f"{_kind(expected)} and {_kind(actual)} cannot be compared")
    return bool(expected == actual)


def _evaluated(expression: re.Match[str], value: Any, path: str) -> Any:
    engine, statement = expression.groups()
    if engine not in (None, "jp"):
        raise _error(path, f'expressions of "{engine}" are not supported')
    try:
        return evaluate(statement, value)
    except AicrError as error:
        raise _error(path, error.message) from None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if is_number(value):
        return "a number"
    names = {bool: "a boolean", str: "a text", list: "a list", dict: "a mapping"}
    return names.get(type(value), type(value).__name__)


def shown(value: Any) -> str:
    """Give a value as JSON on one line, cut to a readable length."""
    if isinstance(value, (list, dict)) and len(value) > SHOWN:
        return f"{_kind(value)} of {len(value)}"
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return _kind(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def _error(path: str, why: str) -> AicrError:
    return AicrError(Code.INVALID_REQUEST, why, where=path or None)
