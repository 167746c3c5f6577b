"""Merge overlay documents field by field, without changing any of them.

One table says how each field of a component reference merges; the order of the table is the order of
output. Rules per generation come from ``engine.rules`` (spec/recipe.md 6, 9, 10, 22.2, 22.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aicr_core.engine.rules import Rules

Document = dict[str, Any]

SET, OVERRIDES, REPLACE, DEPENDENCIES, APPEND, OR = (
    "set",
    "overrides",
    "replace",
    "deps",
    "append",
    "or",
)
FIELDS: dict[str, str] = {
    "name": SET,
    "namespace": SET,
    "chart": SET,
    "type": SET,
    "source": SET,
    "version": SET,
    "tag": SET,
    "valuesFile": SET,
    "overrides": OVERRIDES,
    "patches": REPLACE,
    "dependencyRefs": DEPENDENCIES,
    "manifestFiles": APPEND,
    "preManifestFiles": APPEND,
    "path": SET,
    "cleanup": OR,
    "expectedResources": REPLACE,
    "healthCheckAsserts": SET,
    "healthCheckSkip": OR,
}
_ALWAYS = ("name", "type", "source")
PHASES = ("readiness", "deployment", "performance", "conformance")


def deep(
    base: Mapping[str, Any], over: Mapping[str, Any], *, null_deletes: bool = False
) -> Document:
    """Merge two trees of values: maps recurse, anything else replaces.

    With ``null_deletes`` a null in ``over`` removes the key; nulls inside a newly added map stay.
    """
    merged = dict(base)
    for key, value in over.items():
        known = merged.get(key)
        if null_deletes and value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(known, dict):
            merged[key] = deep(known, value, null_deletes=null_deletes)
        else:
            merged[key] = value
    return merged


def union(first: Iterable[Any], second: Iterable[Any]) -> list[Any]:
    """Join two lists, keeping order, each value of ``second`` only if it is new."""
    joined = list(first)
    joined.extend(item for item in second if item not in joined)
    return joined


def component(base: Document, over: Document, rules: Rules) -> Document:
    """Merge one component reference over another of the same name."""
    merged = dict(base)
    for field, value in over.items():
        how = FIELDS[field]
        if not value:
            continue
        if how == OVERRIDES:
            known = base.get(field) or {}
            merged[field] = deep(known, value) if rules.deep_overrides else {**known, **value}
        elif how == APPEND:
            known_list = base.get(field) or []
            # Items that the overlay itself repeats stay repeated: only the base's are not added again.
            merged[field] = known_list + [item for item in value if item not in known_list]
        elif how == DEPENDENCIES and rules.union_dependencies:
            merged[field] = union(base.get(field) or [], value)
        else:
            merged[field] = value
    return merged


def _by_name(items: Iterable[Document]) -> dict[str, Document]:
    return {item["name"]: item for item in items}


def components(base: list[Document], over: list[Document], rules: Rules) -> list[Document]:
    """Merge component lists by name; the result is sorted by name in byte order."""
    merged = _by_name(base)
    for item in over:
        known = merged.get(item["name"])
        merged[item["name"]] = item if known is None else component(known, item, rules)
    return [merged[name] for name in sorted(merged, key=_bytes)]


def constraints(base: list[Document], over: list[Document]) -> list[Document]:
    """Merge constraints by name: an entry replaces the whole entry; sorted by name in byte order."""
    merged = {**_by_name(base), **_by_name(over)}
    return [merged[name] for name in sorted(merged, key=_bytes)]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def phase(base: Document, over: Document) -> Document:
    """Merge one validation phase field by field (second generation); an explicit empty list clears."""
    merged = dict(base)
    for field, value in over.items():
        if field == "checks":
            merged[field] = union(base.get(field) or [], value) if value else []
        elif field == "constraints":
            if value:
                merged[field] = list(
                    {**_by_name(base.get(field) or []), **_by_name(value)}.values()
                )
            else:
                merged[field] = []
        elif value:
            merged[field] = value
    return {field: value for field, value in merged.items() if value}


def validation(base: Document | None, over: Document | None, rules: Rules) -> Document | None:
    """Merge validation settings: a phase that is absent in the overlay is kept."""
    if over is None:
        return base
    if base is None:
        return over
    merged = dict(base)
    for name, settings in over.items():
        known = merged.get(name)
        merge = rules.merge_phases and known is not None
        merged[name] = phase(known or {}, settings) if merge else settings
    return {name: merged[name] for name in PHASES if name in merged}


def overlay(spec: Document, body: Document, rules: Rules) -> Document:
    """Apply one overlay to the accumulated spec; gives a new spec."""
    return {
        "constraints": constraints(spec["constraints"], body["constraints"]),
        "componentRefs": components(spec["componentRefs"], body["componentRefs"], rules),
        "validation": validation(spec["validation"], body["validation"], rules),
    }


def mixin(spec: Document, body: Document, rules: Rules) -> Document:
    """Apply one mixin: it may add, and to a known component only namespace and manifests (22.3).

    Raises AicrError(INVALID_REQUEST) naming what collides.
    """
    known = {item["name"] for item in spec["constraints"]}
    for item in body["constraints"]:
        if item["name"] in known:
            raise _refused(body, f'constraint "{item["name"]}" is already set by an overlay')
    present = {item["name"] for item in spec["componentRefs"]}
    allowed = {"name", "namespace", "manifestFiles", "preManifestFiles"}
    for item in body["componentRefs"]:
        extra = sorted(field for field, value in item.items() if value and field not in allowed)
        if item["name"] in present and extra:
            fields = ", ".join(extra)
            raise _refused(body, f'component "{item["name"]}" is already there; it sets {fields}')
    return {
        "constraints": constraints(spec["constraints"], body["constraints"]),
        "componentRefs": components(spec["componentRefs"], body["componentRefs"], rules),
        "validation": spec["validation"],
    }


def _refused(body: Document, message: str) -> AicrError:
    where = f"{body['file']} (mixin {body['name']})"
    return AicrError(Code.INVALID_REQUEST, message, where=where, hint="remove it from the mixin")


def output(ref: Document) -> Document:
    """Give a component reference as a recipe shows it: fields in order, empty ones left out."""
    return {
        field: _sorted(ref[field]) if field == "overrides" else ref.get(field, "")
        for field in FIELDS
        if ref.get(field) or field in _ALWAYS
    }


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value
