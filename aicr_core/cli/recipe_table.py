"""``aicr recipe --format table``: one row for each leaf of the recipe, sorted by path in byte order.

The paths are the field names of spec/recipe.md 14. Unlike YAML and JSON, a table shows every field, also one that
is not set, so that two tables can be compared line by line.
"""

from __future__ import annotations

from typing import Any

from aicr_core.engine.schemas import RECIPE
from aicr_core.kit.emit import as_text
from aicr_core.kit.schema import BOOLEAN, INTEGER, TEXT, ListOf, MapOf, Record, Schema
from aicr_core.kit.text import table

_ACRONYMS = {"apiVersion": "APIVersion", "os": "OS"}
_NIL = "<nil>"
_LATER = ("preManifestFiles", "healthCheckSkip")
"""Fields that the first generation of recipes has not: shown where they are set."""
_WARNING = Record(
    "", dict.fromkeys(("overlay", "constraint", "expected", "actual", "reason"), TEXT)
)


def recipe_table(document: dict[str, Any]) -> str:
    """Give the recipe as a table of fields and values."""
    rows: list[tuple[str, str]] = []
    _walk("", document, RECIPE, rows)
    rows.sort(key=lambda row: row[0].encode("utf-8", "surrogatepass"))
    return table(("FIELD", "VALUE"), rows, rule=True)


def _walk(path: str, value: Any, schema: Schema, rows: list[tuple[str, str]]) -> None:
    if isinstance(schema, Record):
        if value is None:
            rows.append((path, _NIL))
            return
        for field, kind in schema.fields.items():
            if field in _LATER and not value.get(field):
                continue
            name = _ACRONYMS.get(field, field[:1].upper() + field[1:])
            kind = ListOf(_WARNING) if field == "constraintWarnings" else kind
            _walk(f"{path}.{name}".lstrip("."), value.get(field), kind, rows)
    elif isinstance(schema, ListOf):
        for number, item in enumerate(value or ()):
            _walk(f"{path}.[{number}]", item, schema.item, rows)
    elif isinstance(schema, MapOf) or schema not in (TEXT, INTEGER, BOOLEAN):
        _free(path, value or {}, rows)
    else:
        absent = {TEXT: "", INTEGER: 0, BOOLEAN: False}[schema]
        rows.append((path, as_text(absent if value is None else value)))


def _free(path: str, value: Any, rows: list[tuple[str, str]]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _free(f"{path}.{key}", item, rows)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _free(f"{path}.[{number}]", item, rows)
    else:
        rows.append((path, _NIL if value is None else as_text(value)))
