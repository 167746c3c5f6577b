"""Write D-Bus values as readings, in the form in which Go prints them (spec/snapshot.md 4.2).

Numbers of the wide types stay numbers, the narrow ones become text: that is how the reference's documents are.
"""

from __future__ import annotations

from typing import Any

_NUMBERS = frozenset("xt")


def reading(signature: str, value: Any) -> bool | int | float | str:
    """Give the reading of a D-Bus value of a single complete type."""
    if signature == "b":
        return bool(value)
    if signature in _NUMBERS:
        return int(value)
    if signature == "d":
        return float(value)
    return text(signature, value)


def text(signature: str, value: Any) -> str:
    """Give a value as Go's default form: ``[a b]`` for arrays and structs, ``map[k:v]`` for dictionaries."""
    kind = signature[:1]
    if kind == "v":
        return text(value[0], value[1])
    if signature.startswith("a{"):
        key, item = single_types(signature[2:-1])
        pairs = sorted(dict(value).items())
        return f"map[{' '.join(f'{text(key, k)}:{text(item, v)}' for k, v in pairs)}]"
    if kind == "a":
        return f"[{' '.join(text(signature[1:], item) for item in value)}]"
    if kind == "(":
        types = single_types(signature[1:-1])
        return f"[{' '.join(text(one, item) for one, item in zip(types, value, strict=True))}]"
    if kind == "b":
        return "true" if value else "false"
    return str(value)


def single_types(signature: str) -> list[str]:
    """Split a signature into its single complete types."""
    found = []
    while signature:
        end = _end(signature, 0)
        found.append(signature[:end])
        signature = signature[end:]
    return found


def _end(signature: str, start: int) -> int:
    if signature[start] == "a":
        return _end(signature, start + 1)
    closing = {"(": ")", "{": "}"}.get(signature[start])
    if closing is None:
        return start + 1
    depth, position = 1, start + 1
    while depth:
        depth += {signature[start]: 1, closing: -1}.get(signature[position], 0)
        position += 1
    return position
