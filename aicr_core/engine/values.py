"""A component's values on their way into a bundle: layers and scheduling (spec/bundle.md 2.2, 2.4).

Overrides by flags stand between the two: ``engine.overrides``.

Every function gives new values; the catalogue's are shared and stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Document = dict[str, Any]
EXISTS = [{"operator": "Exists"}]


def merge_layers(layers: Iterable[Document]) -> Document:
    """Merge layers of values, lowest first: maps recurse, anything else replaces.

    A null over a key that a lower layer set removes it: it was written to take that setting away, and Helm
    or the API server would see a null instead. A null over nothing stays, for it deletes a chart default.
    """
    merged: Document = {}
    for layer in layers:
        merged = _merge(merged, layer)
    return merged


def _merge(base: Document, over: Mapping[str, Any]) -> Document:
    merged = dict(base)
    for key, value in over.items():
        known = merged.get(key)
        if value is None and key in merged and known is not None:
            del merged[key]
        elif isinstance(value, dict) and isinstance(known, dict):
            merged[key] = _merge(known, value)
        else:
            merged[key] = value
    return merged


def put(values: Document, path: str, value: Any, *, replace: bool = False) -> Document:
    """Give values with ``value`` at the dotted ``path``; maps on the way are made.

    Raises AicrError(INVALID_REQUEST) when something on the way is no map, unless ``replace``.
    """
    head, _, rest = path.partition(".")
    result = dict(values)
    if not rest:
        result[head] = value
        return result
    inner = result.get(head, {})
    if not isinstance(inner, dict):
        if not replace:
            raise AicrError(
                Code.INVALID_REQUEST, f'"{head}" is {_what(inner)}, so it has no "{rest}"'
            )
        inner = {}
    result[head] = put(inner, rest, value, replace=replace)
    return result


def _what(value: Any) -> str:
    if value is None:
        return "null"
    return "a list" if isinstance(value, list) else "a single value"


def get(values: Mapping[str, Any], path: str) -> Any:
    """Give the value at the dotted ``path``, or None."""
    value: Any = values
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value


def inject(
    values: Document, entry: Document, options: Mapping[str, Any], typed: Mapping[str, Any]
) -> Document:
    """Write selectors, tolerations, gate and node count to the paths of a registry entry.

    Explicit flags replace what is there; the default toleration is written only where nothing is (B-9). ``typed`` are
    the values that typed overrides gave: an object among them at the path of a selector joins the selector, key by
    key, and wins (spec/beyond.md 2.5).
    """
    scheduling = entry.get("nodeScheduling") or {}
    for role in ("system", "accelerated"):
        paths = scheduling.get(role) or {}
        selector = options.get(f"{role}_node_selector")
        if selector:
            for path in paths.get("nodeSelectorPaths", ()):
                values = put(values, path, _joined(selector, get(typed, path)), replace=True)
        given = options.get(f"{role}_node_tolerations")
        for path in paths.get("tolerationPaths", ()):
            if given:
                values = put(values, path, given, replace=True)
            elif get(values, path) in (None, []):
                values = put(values, path, EXISTS, replace=True)
        if options.get("workload_gate"):
            for path in paths.get("taintStrPaths", ()):
                values = put(values, path, options["workload_gate"], replace=True)
    workload = options.get("workload_selector")
    pods = (entry.get("podScheduling") or {}).get("workload") or {}
    for path in pods.get("workloadSelectorPaths", ()):
        if workload:
            values = put(values, path, _joined(workload, get(typed, path)), replace=True)
    if options.get("nodes"):
        for path in scheduling.get("nodeCountPaths", ()):
            values = put(values, path, options["nodes"])
    return values


def _joined(selector: Any, given: Any) -> Any:
    return {**selector, **given} if isinstance(given, dict) else selector
