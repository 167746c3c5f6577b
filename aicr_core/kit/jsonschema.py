"""JSON Schema (draft 2020-12) of the tables that documents are decoded by, so that what is published is what is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.kit.schema import ANY, BOOLEAN, FREE_MAP, INTEGER, TEXT, Kind, ListOf, MapOf

if TYPE_CHECKING:
    from aicr_core.kit.schema import Schema

_KINDS: dict[Kind, dict[str, Any]] = {
    TEXT: {"type": "string"},
    INTEGER: {"type": "integer"},
    BOOLEAN: {"type": "boolean"},
    ANY: {},
    FREE_MAP: {"type": "object"},
}


def json_schema(schema: Schema) -> dict[str, Any]:
    """Give the JSON Schema of a table. Keys that the table does not have are not forbidden: readers may be lenient."""
    if isinstance(schema, Kind):
        return dict(_KINDS[schema])
    if isinstance(schema, ListOf):
        return {"type": "array", "items": json_schema(schema.item)}
    if isinstance(schema, MapOf):
        return {"type": "object", "additionalProperties": json_schema(schema.value)}
    found: dict[str, Any] = {
        "type": "object",
        "properties": {name: json_schema(field) for name, field in schema.fields.items()},
    }
    if schema.required:
        found["required"] = list(schema.required)
    return found
