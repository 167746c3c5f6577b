"""Constraint expressions: ``>= 1.30``, ``!= x``, exact text; and the version rules they use.

The grammar is spec/recipe.md 11 (full form: spec/validate.md). This module compares texts; where the actual
value comes from is the caller's business.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from aicr_core.kit.errors import AicrError, Code

OPERATORS = (">=", "<=", "!=", "==", ">", "<")
_DROP = re.compile(r"(?<=[0-9])[-+].*$", re.DOTALL)
# No version has a part that an integer of the reference could not hold.
_PART = re.compile(r"[0-9]{1,18}")


class Version(NamedTuple):
    """One to three numeric parts; ``parts`` keeps the precision that was written."""

    parts: tuple[int, ...]


def parse_version(text: str) -> Version | None:
    """Parse ``v1.32.4-build`` to its numeric parts; None when ``text`` is no version.

    An optional leading ``v``, up to three parts, and whatever follows a ``-`` or ``+`` after a digit is
    dropped.
    """
    body = _DROP.sub("", text.strip().removeprefix("v"))
    pieces = body.split(".")
    if len(pieces) > 3 or not all(_PART.fullmatch(piece) for piece in pieces):
        return None
    return Version(tuple(int(piece) for piece in pieces))


def compare(left: Version, right: Version) -> int:
    """Compare at the lower of the two precisions: -1, 0 or 1."""
    size = min(len(left.parts), len(right.parts))
    first, second = left.parts[:size], right.parts[:size]
    return (first > second) - (first < second)


def split(expression: str) -> tuple[str, str]:
    """Split an expression into operator ("" for exact text) and operand."""
    text = expression.strip()
    for operator in OPERATORS:
        if text.startswith(operator):
            return operator, text[len(operator) :].strip()
    return "", text


def evaluate(expression: str, actual: str) -> bool:
    """Tell whether ``actual`` satisfies ``expression``.

    Raises AicrError(INVALID_REQUEST) when an ordering operator meets something that is no version.
    """
    operator, expected = split(expression)
    actual = actual.strip()
    if operator == "":
        return actual == expected
    if operator in ("==", "!="):
        return _equal(expected, actual) == (operator == "==")
    versions = []
    for role, text in (("actual value", actual), ("expected value", expected)):
        version = parse_version(text)
        if version is None:
            raise AicrError(
                Code.INVALID_REQUEST,
                f'the {role} "{text}" is no version',
                hint=f"{operator} compares versions such as 1.32 or v1.32.4",
            )
        versions.append(version)
    order = compare(*versions)
    return {">=": order >= 0, "<=": order <= 0, ">": order > 0, "<": order < 0}[operator]


def _equal(expected: str, actual: str) -> bool:
    if "." in expected and any(char.isdigit() for char in expected):
        left, right = parse_version(expected), parse_version(actual)
        if left is not None and right is not None:
            # Equality fills missing parts with zero, unlike the ordering operators.
            return _padded(left) == _padded(right)
    return expected == actual


def _padded(version: Version) -> tuple[int, ...]:
    return ((*version.parts, 0, 0, 0))[:3]


def problem(name: str, expression: str) -> str:
    """Say what is malformed in a constraint on a snapshot, whatever it reads; nothing when it is sound."""
    parts = name.split(".", 2)
    if len(parts) < 3 or not all(parts):
        return "its name is not Type.Subtype.Key"
    operator, expected = split(expression)
    if not expected:
        return "it has nothing to compare with"
    if operator in (">=", "<=", ">", "<") and parse_version(expected) is None:
        return f'"{expected}" is no version'
    return ""
