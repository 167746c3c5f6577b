"""Hold a node tree to a schema and go on after a fault: what ``kit.schema.decode`` does, with every finding.

What does not fit is reported, and taken out of the document and of the tree, so that positions in lists stay equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, nearest
from aicr_core.kit.schema import Kind, ListOf, MapOf, decode
from aicr_core.kit.yamlio import LIST, MAP, SCALAR, Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.kit.schema import Record, Schema

    Report = Callable[[str, Node, str, str], None]

NOTHING: Any = object()
"""What is given for a value that does not fit."""
_WORDS = {LIST: "a list", MAP: "a mapping"}


def fitted(node: Node, schema: Schema, report: Report, path: str = "") -> Any:
    """Give the document of ``node`` by ``schema`` without what does not fit, or NOTHING.

    ``report(rule, node, message, hint)`` is called for each fault.
    """
    if isinstance(schema, Kind):
        try:
            return decode(node, schema, "", path)
        except AicrError as error:
            report("R002", node, error.message, error.hint or "")
            return NOTHING
    wanted = LIST if isinstance(schema, ListOf) else MAP
    if node.kind != wanted:
        got = f'"{str(node.value)[:40]}"' if node.kind == SCALAR else _WORDS[node.kind]
        report("R002", node, f"{path or 'the document'} must be {_WORDS[wanted]}, not {got}", "")
        return NOTHING
    if isinstance(schema, ListOf):
        return _items(node, schema, report, path)
    if isinstance(schema, MapOf):
        pairs = (
            (key, fitted(value, schema.value, report, f"{path}.{key}".lstrip(".")))
            for key, value in node.items()
            if not value.is_null()
        )
        return {key: value for key, value in pairs if value is not NOTHING}
    return _record(node, schema, report, path)


def _items(node: Node, schema: ListOf, report: Report, path: str) -> list[Any]:
    kept, items = [], []
    for index, item in enumerate(node.value):
        place = f"{path}[{index}]"
        if item.is_null():
            report("R002", item, f"{place} is null", "remove the item")
            continue
        value = fitted(item, schema.item, report, place)
        if value is not NOTHING:
            kept.append(item)
            items.append(value)
    node.value = kept
    return items


def _record(node: Node, schema: Record, report: Report, path: str) -> Any:
    found: dict[str, Any] = {}
    for key, value in node.value:
        field = schema.fields.get(key.value)
        if field is None:
            if key.value not in schema.ignored:
                close = nearest(key.value, schema.fields)
                hint = f'did you mean "{close}"?' if close else f"known: {', '.join(schema.fields)}"
                report("R003", key, f'unknown key "{key.value}" in {path or schema.name}', hint)
            continue
        if not value.is_null():
            item = fitted(value, field, report, f"{path}.{key.value}".lstrip("."))
            if item is not NOTHING:
                found[key.value] = item
    missing = [name for name in schema.required if found.get(name) in (None, "")]
    if missing:
        report("R002", node, f'{path or schema.name} has no "{missing[0]}"', f'add "{missing[0]}"')
        return NOTHING
    return {name: found[name] for name in schema.fields if name in found}
