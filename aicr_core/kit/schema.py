"""Decode node trees by small declarative tables: strict keys, literal text fields, exact places.

A schema is built of TEXT, INTEGER, BOOLEAN, ANY, :class:`ListOf`, :class:`MapOf` and :class:`Record`. The
result is a plain document with the declared keys that were present and not null, in schema order. What
a field means, and defaults, are not this module's business.
"""

from __future__ import annotations

import math
from typing import Any

from aicr_core.kit.errors import nearest
from aicr_core.kit.yamlio import LIST, MAP, SCALAR, JsonNode, Node, fail, plain, scalar


class Kind:
    """A leaf kind; ``words`` is what an error calls it."""

    __slots__ = ("words",)

    def __init__(self, words: str) -> None:
        self.words = words


TEXT = Kind("text")
INTEGER = Kind("an integer")
BOOLEAN = Kind("true or false")
ANY = Kind("any value")
FREE_MAP = Kind("a mapping")


class ListOf:
    """A list whose items have one schema; a null item is an error."""

    __slots__ = ("item",)

    def __init__(self, item: Schema) -> None:
        self.item = item


class MapOf:
    """A mapping with free keys and values of one schema."""

    __slots__ = ("value",)

    def __init__(self, value: Schema) -> None:
        self.value = value


class Record:
    """A mapping with declared keys; ``ignored`` keys are accepted and dropped, all others refused."""

    __slots__ = ("fields", "folded", "ignored", "name", "required")

    def __init__(
        self,
        name: str,
        fields: dict[str, Schema],
        *,
        required: tuple[str, ...] = (),
        ignored: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.fields = fields
        self.folded = {field.lower(): field for field in fields}
        self.required = required
        self.ignored = ignored


Schema = Kind | ListOf | MapOf | Record

# Words that the reference's typed boolean fields accept, quoted or not (spec/recipe.md 7).
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "y"), True),
    **dict.fromkeys(("false", "no", "off", "n"), False),
}


def decode(
    node: Node, schema: Schema, source: str, path: str = "", dropped: list[str] | None = None
) -> Any:
    """Give the plain document of ``node`` by ``schema``.

    ``path`` is the field path so far, for messages. With ``dropped``, unknown keys are left out and noted
    there instead of being refused. Raises AicrError(INVALID_REQUEST) that names file, line, column and field.
    """
    if isinstance(schema, Kind):
        return _leaf(node, schema, source, path)
    if isinstance(schema, ListOf):
        if node.kind != LIST:
            raise _wrong(node, "a list", source, path)
        items = []
        for index, item in enumerate(node.value):
            place = f"{path}[{index}]"
            if item.is_null():
                raise fail(source, item, f"{place or 'the item'} is null", "remove the item")
            items.append(decode(item, schema.item, source, place, dropped))
        return items
    if node.kind != MAP:
        raise _wrong(node, "a mapping", source, path)
    if isinstance(schema, MapOf):
        return {
            key: decode(value, schema.value, source, f"{path}.{key}".lstrip("."), dropped)
            for key, value in node.items()
            if not value.is_null()
        }
    return _record(node, schema, source, path, dropped)


def _record(
    node: Node, schema: Record, source: str, path: str, dropped: list[str] | None
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    folded = schema.folded if isinstance(node, JsonNode) else {}
    for key, value in node.value:
        word = folded.get(key.value.lower(), key.value)
        field = schema.fields.get(word)
        if field is None:
            if key.value in schema.ignored:
                continue
            place = f" in {path}" if path else f" in {schema.name}"
            close = nearest(key.value, schema.fields)
            hint = f'did you mean "{close}"?' if close else f"known: {', '.join(schema.fields)}"
            unknown = fail(source, key, f'unknown key "{key.value}"{place}', hint)
            if dropped is None:
                raise unknown
            dropped.append(f"{unknown.where}: {unknown.message} is ignored")
            continue
        if not value.is_null():
            name = f"{path}.{word}".lstrip(".")
            found[word] = decode(value, field, source, name, dropped)
    for name in schema.required:
        if name not in found:
            raise fail(source, node, f'{path or schema.name} has no "{name}"', f'add "{name}"')
    return {name: found[name] for name in schema.fields if name in found}


_PLAIN: dict[Kind, type] = {TEXT: str, INTEGER: int, BOOLEAN: bool, FREE_MAP: dict}


class Misfit(Exception):
    """A plain value is not of the shape asked for; where, only :func:`decode` of its nodes can say."""


def fit(value: Any, schema: Schema, *, strict: bool = False) -> Any:
    """Give what :func:`decode` would give for a value whose positions are not known.

    For documents that machines write, where it is much quicker. Unknown keys are left out, or with ``strict`` a
    misfit. Raises Misfit for anything that is not plainly of the shape: also where ``decode`` would be more liberal.
    """
    if isinstance(schema, Kind):
        if schema is ANY:
            _shallow(value, 8)
        elif value.__class__ is not _PLAIN[schema] or (schema is INTEGER and not _is_64_bit(value)):
            raise Misfit
        elif schema is FREE_MAP and strict:
            _shallow(value, 30)
        elif isinstance(value, dict) and any(
            item.__class__ is list or item.__class__ is dict for item in value.values()
        ):
            # Unusual, and perhaps deeper than is good.
            raise Misfit
        return value
    if isinstance(schema, ListOf):
        if value.__class__ is not list or None in value:
            raise Misfit
        return [fit(item, schema.item, strict=strict) for item in value]
    if value.__class__ is not dict:
        raise Misfit
    if isinstance(schema, MapOf):
        return {
            key: fit(item, schema.value, strict=strict)
            for key, item in value.items()
            if item is not None
        }
    found = {
        key: fit(value[key], field, strict=strict)
        for key, field in schema.fields.items()
        if value.get(key) is not None
    }
    unknown = [key for key in value if key not in schema.fields]
    if any(
        key.lower() in schema.folded or (strict and key not in schema.ignored) for key in unknown
    ):
        raise Misfit
    if any(name not in found for name in schema.required):
        raise Misfit
    return found


def _shallow(value: Any, depth: int) -> None:
    if isinstance(value, (list, dict)):
        if not depth:
            raise Misfit
        for item in value.values() if isinstance(value, dict) else value:
            _shallow(item, depth - 1)


def _leaf(node: Node, kind: Kind, source: str, path: str) -> Any:
    if kind is ANY:
        return plain(node, source)
    if kind is FREE_MAP:
        if node.kind != MAP:
            raise _wrong(node, kind.words, source, path)
        return plain(node, source)
    if node.kind != SCALAR:
        raise _wrong(node, kind.words, source, path)
    if kind is TEXT:
        if isinstance(node, JsonNode) and node.plain and not node.is_null():
            raise _wrong(node, kind.words, source, path)
        # A version such as 1.10 stays "1.10": the literal text, not the number it would be.
        return "" if node.is_null() else str(node.value)
    if kind is BOOLEAN:
        word = _BOOLEANS.get(str(node.value).lower())
        if word is None:
            raise _wrong(node, kind.words, source, path)
        return word
    value = scalar(node)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(node, kind.words, source, path)
    # YAML's whole-number fields take 8.5 as 8, JSON's take no fraction, not even 8.0 (spec/recipe.md 3.1).
    if isinstance(value, float) and (isinstance(node, JsonNode) or not math.isfinite(value)):
        raise _wrong(node, kind.words, source, path)
    if not _is_64_bit(value):
        raise _wrong(node, "a 64-bit integer", source, path)
    return int(value)


def _is_64_bit(value: Any) -> bool:
    return bool(-(2**63) <= value < 2**63)


def _wrong(node: Node, wanted: str, source: str, path: str) -> Any:
    got = {LIST: "a list", MAP: "a mapping", SCALAR: f'"{str(node.value)[:40]}"'}[node.kind]
    return fail(source, node, f"{path or 'the document'} must be {wanted}, not {got}")
