"""Turn an answer of a plugin into text that is compared between runs: everything in it, in its order, no addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def shown(value: Any) -> str:
    """Give the text of a value. Sets are shown in their own order: whoever gives one gives another tomorrow."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return (
            "{\n" + "".join(f"{shown(key)}: {shown(item)}\n" for key, item in value.items()) + "}"
        )
    if isinstance(value, list | tuple | set | frozenset):
        return "[\n" + "".join(f"{shown(item)}\n" for item in value) + "]"
    fields = getattr(type(value), "__attrs_attrs__", None)
    if fields is not None:
        inside = {field.name: getattr(value, field.name) for field in fields}
        return f"{type(value).__name__}{shown(inside)}"
    return type(value).__name__


def paths(value: Any) -> list[str]:
    """Give the paths of the files in an answer, in its order."""
    if isinstance(value, Mapping):
        return [str(key) for key in value]
    if isinstance(value, list | tuple):
        return [str(item.path) for item in value if hasattr(item, "path")]
    return [str(item.path) for item in getattr(value, "manifests", ())]


def outline(value: Any) -> str:
    """Give the names in an answer that is about the host: what was read, not what it was."""
    found = value if isinstance(value, list | tuple) else [value]
    lines = []
    for one in found:
        for part in getattr(one, "subtypes", ()):
            lines.append(f"{one.type}.{part.name}: {part.status}")
    return "\n".join(lines)
