"""JSON Schema (draft 2020-12) of the tables that documents are decoded by: what is published is what is read."""

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


def json_schema(schema: Schema, *, nulls: bool = False) -> dict[str, Any]:
    """Give the JSON Schema of a table; with ``nulls`` a field may be null, which says the same as leaving it out.

    Keys that the table does not have are not forbidden: readers may be lenient.
    """
    if isinstance(schema, Kind):
        return dict(_KINDS[schema])
    if isinstance(schema, ListOf):
        return {"type": "array", "items": json_schema(schema.item, nulls=nulls)}
    if isinstance(schema, MapOf):
        return {"type": "object", "additionalProperties": json_schema(schema.value, nulls=nulls)}
    fields = {name: json_schema(field, nulls=nulls) for name, field in schema.fields.items()}
    if nulls:
        for name, field in fields.items():
            if "type" in field and name not in schema.required:
                fields[name] = {**field, "type": [field["type"], "null"]}
    found: dict[str, Any] = {"type": "object", "properties": fields}
    if schema.required:
        found["required"] = list(schema.required)
    return found
