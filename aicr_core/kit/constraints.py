"""Constraint expressions (``>= 1.30``, ``!= x``, exact text) and the version rules they use.

The grammar and the rules are spec/validate.md 2.3 to 2.6. This module compares texts; where the actual value comes
from, and what an outcome means for a phase, is the caller's business. Errors have the code INVALID_REQUEST: either
the expression or the reading is no version where one is needed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from aicr_core.kit.errors import AicrError, Code

OPERATORS = (">=", "<=", "!=", "==", ">", "<")
ORDERING = (">=", "<=", ">", "<")
_SUFFIX = re.compile(r"(?<=[0-9])[-+]")
_NUMBER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_LARGEST = 2**63 - 1
# What the reference trims: Python's own idea of white space also has U+001C to U+001F.
BLANKS = (
    "\t\n\v\f\r \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "\u2028\u2029\u202f\u205f\u3000"
)


class Version(NamedTuple):
    """One to three numeric parts, as many as were written, and the suffix that is never compared."""

    parts: tuple[int, ...]
    extras: str = ""

    @property
    def padded(self) -> tuple[int, int, int]:
        """Major, minor and patch; absent parts are 0."""
        major, minor, patch = ((*self.parts, 0, 0))[:3]
        return major, minor, patch

    def __str__(self) -> str:
        return ".".join(str(part) for part in self.parts)


class Expression(NamedTuple):
    """An operator ("" for exact text), its operand, and whether versions are compared if both sides are some."""

    operator: str
    value: str
    versions: bool


def parse_version(text: str) -> Version:
    """Parse ``v1.32.4-build``: optional ``v``, up to three parts, a suffix after the first - or + behind a digit.

    Raises AicrError(INVALID_REQUEST) that says what is wrong with it.
    """
    if not text:
        raise _no_version(text, "it is empty")
    body = text.removeprefix("v")
    mark = _SUFFIX.search(body)
    main, extras = (body[: mark.start()], body[mark.start() :]) if mark else (body, "")
    pieces = main.split(".")
    if len(pieces) > 3:
        raise _no_version(text, "it has more than 3 parts")
    return Version(tuple(_part(text, piece) for piece in pieces), extras)


def _part(text: str, piece: str) -> int:
    digits = piece.lstrip("+-").lstrip("0") or "0"
    if not _NUMBER.fullmatch(piece) or len(digits) > 19 or int(digits) > _LARGEST:
        raise _no_version(text, f'"{piece}" is no number')
    if piece.startswith("-") and digits != "0":
        raise _no_version(text, f"{piece} is negative")
    return int(digits)


def _no_version(text: str, why: str) -> AicrError:
    return AicrError(Code.INVALID_REQUEST, f'"{text}" is no version: {why}')


def compare(left: Version, right: Version) -> int:
    """Compare at the lower of the two precisions: -1, 0 or 1."""
    size = min(len(left.parts), len(right.parts))
    first, second = left.parts[:size], right.parts[:size]
    return (first > second) - (first < second)


def parse(expression: str) -> Expression:
    """Split an expression. Raises AicrError(INVALID_REQUEST) for an empty one or an operator without value."""
    text = expression.strip(BLANKS)
    if not text:
        raise AicrError(
            Code.INVALID_REQUEST, "the expression is empty", hint="write >= 1.30, or a text"
        )
    for operator in OPERATORS:
        if text.startswith(operator):
            value = text[len(operator) :].strip(BLANKS)
            if not value:
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f'no value after "{operator}"',
                    hint=f"write {operator} 1.30",
                )
            return Expression(operator, value, operator in ORDERING or _looks_like_version(value))
    return Expression("", text, _looks_like_version(text))


def _looks_like_version(value: str) -> bool:
    value = value.removeprefix("v")
    return "." in value and any("0" <= char <= "9" for char in value)


def evaluate(expression: str | Expression, actual: str) -> bool:
    """Tell whether ``actual`` satisfies ``expression``.

    Raises AicrError(INVALID_REQUEST) for a malformed expression, and when an ordering operator meets a text that
    is no version.
    """
    operator, expected, versions = parse(expression) if isinstance(expression, str) else expression
    actual = actual.strip(BLANKS)
    if operator == "":
        return actual == expected
    if operator in ("==", "!="):
        return _equal(expected, actual, versions) == (operator == "==")
    wanted = _side("expected value", expected, operator)
    order = compare(_side("actual value", actual, operator), wanted)
    return {">=": order >= 0, "<=": order <= 0, ">": order > 0, "<": order < 0}[operator]


def _side(role: str, text: str, operator: str) -> Version:
    try:
        return parse_version(text)
    except AicrError as error:
        raise AicrError(
            Code.INVALID_REQUEST,
            f"the {role} {error.message}",
            hint=f"{operator} compares versions such as 1.32 or v1.32.4",
        ) from None


def _equal(expected: str, actual: str, versions: bool) -> bool:
    if versions:
        try:
            # Equality fills missing parts with zero, unlike the ordering operators.
            return parse_version(expected).padded == parse_version(actual).padded
        except AicrError:
            pass
    return expected == actual


def problem(name: str, expression: str) -> str:
    """Say what is malformed in a constraint on a snapshot, whatever it reads; nothing when it is sound."""
    parts = name.split(".", 2)
    if len(parts) < 3 or not all(parts):
        return "its name is not Type.Subtype.Key"
    try:
        operator, expected, _ = parse(expression)
        if operator in ORDERING:
            parse_version(expected)
    except AicrError as error:
        return error.message
    return ""
