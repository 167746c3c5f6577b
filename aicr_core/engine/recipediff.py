"""What changes from one recipe to another: components, their versions and values, constraints, checks, order.

Works on recipe documents and the merged values of their components; reads and prints nothing. Whether an upgrade is
safe is not judged here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aicr_core.engine.criteria import DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Document = dict[str, Any]
_FIELDS = ("version", "tag", "chart", "type", "source", "namespace", "path", "cleanup")
_LISTS = ("dependencyRefs", "manifestFiles", "preManifestFiles")
_ABSENT: Any = object()


def compare(
    before: Document,
    after: Document,
    values_before: Mapping[str, Document | None],
    values_after: Mapping[str, Document | None],
) -> Document:
    """Give the differences of two recipes; ``values_*`` are the merged values by component name.

    ``from`` is the first side, ``to`` the second; one of them is absent where a thing is added or removed. Paths of
    values are selectors of ``aicr query``. Lists are values: Helm replaces them whole.
    """
    components = _components(before, after, values_before, values_after)
    constraints = _constraints(before.get("constraints") or (), after.get("constraints") or ())
    result: Document = {
        "criteria": _criteria(before.get("criteria") or {}, after.get("criteria") or {}),
        "overlays": _names(_overlays(before), _overlays(after)),
        "components": components,
        "constraints": constraints,
        "validation": list(leaves(before.get("validation") or {}, after.get("validation") or {})),
        "checks": _checks(before.get("validation") or {}, after.get("validation") or {}),
        "charts": _charts(before, after),
        "deploymentOrder": _order(
            before.get("deploymentOrder") or [], after.get("deploymentOrder") or []
        ),
    }
    summary = {kind: len(components[kind]) for kind in ("added", "removed", "changed", "unchanged")}
    different = any(
        (
            result["criteria"], result["validation"], result["deploymentOrder"]["changed"],
            *result["overlays"].values(), *constraints.values(),
            *(components[kind] for kind in ("added", "removed", "changed")),
        )
    )  # fmt: skip
    return {"equal": not different, "summary": {"components": summary}, **result}


def moved(
    before: Mapping[str, Iterable[str]], after: Mapping[str, Iterable[str]]
) -> list[Document]:
    """Give, by component, what of a list of texts is added and removed; components where nothing is are left out."""
    rows = (
        {"component": name, **_names(before.get(name) or (), after.get(name) or ())}
        for name in sorted({*before, *after})
    )
    return [row for row in rows if row["added"] or row["removed"]]


def with_origins(
    result: Document, before: Mapping[str, Document], after: Mapping[str, Document]
) -> None:
    """Add to each value of a comparison who said it: ``origins`` with ``from`` and ``to``, as far as they are known.

    ``before`` and ``after`` are origins by selector (``engine.explain``); a value that is a tree has the origin of the
    first thing in it.
    """
    for component in result["components"]["changed"]:
        for row in component["values"]:
            path = selector(["components", component["name"], "values"])
            path += row["path"] if row["path"].startswith("[") else f".{row['path']}"
            sides = (("from", before), ("to", after))
            found = {side: _origin(known, path) for side, known in sides if side in row}
            row["origins"] = {side: origin for side, origin in found.items() if origin}


def _origin(known: Mapping[str, Document], path: str) -> Document | None:
    below = (f"{path}.", f"{path}[")
    return known.get(path) or next(
        (origin for other, origin in known.items() if other.startswith(below)), None
    )


def leaves(before: Document, after: Document, path: str = "") -> Iterator[Document]:
    """Give what differs between two trees: ``{path, change, from?, to?}`` in the order of paths."""
    for key in sorted({*before, *after}):
        old, new = before.get(key, _ABSENT), after.get(key, _ABSENT)
        place = path + _step(path, key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from leaves(old, new, place)
        elif not _same(old, new):
            yield _change({"path": place}, old, new)


def selector(steps: Iterable[str]) -> str:
    """Give the selector (``engine.query``) that these keys mean, one below the other."""
    path = ""
    for key in steps:
        path += _step(path, key)
    return path


def _step(path: str, key: str) -> str:
    """Give what a key adds to the selector of what holds it; one with dots or brackets in it is quoted."""
    if not key or any(sign in key for sign in ".[]"):
        quote = "'" if '"' in key else '"'
        return f"[{quote}{key}{quote}]"
    return f".{key}" if path else key


def _same(old: Any, new: Any) -> bool:
    """Compare as documents: 1, 1.0 and true are three values, in lists too."""
    if old is _ABSENT or new is _ABSENT:
        return False
    return old is new or json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def _change(start: Document, old: Any, new: Any) -> Document:
    change = "added" if old is _ABSENT else "removed" if new is _ABSENT else "changed"
    row = {**start, "change": change}
    if old is not _ABSENT:
        row["from"] = old
    if new is not _ABSENT:
        row["to"] = new
    return row


def _criteria(before: Document, after: Document) -> list[Document]:
    rows = ((name, before.get(name) or "any", after.get(name) or "any") for name in DIMENSIONS)
    return [{"dimension": name, "from": old, "to": new} for name, old, new in rows if old != new]


def _overlays(recipe: Document) -> list[str]:
    found: list[str] = (recipe.get("metadata") or {}).get("appliedOverlays") or []
    return found


def _names(before: Iterable[str], after: Iterable[str]) -> Document:
    old, new = list(before), list(after)
    return {
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
    }


def _order(before: list[str], after: list[str]) -> Document:
    """Say whether what both sides deploy comes in another order; what is added or removed moves nothing else."""
    common = set(before) & set(after)
    moved = [n for n in before if n in common] != [n for n in after if n in common]
    return {"changed": moved, "from": before, "to": after}


def _by(name: str, items: Iterable[Document]) -> dict[str, Document]:
    return {item[name]: item for item in items}


def _components(
    before: Document,
    after: Document,
    values_before: Mapping[str, Document | None],
    values_after: Mapping[str, Document | None],
) -> Document:
    old, new = (_by("name", side.get("componentRefs") or ()) for side in (before, after))
    changed, unchanged = [], []
    for name in sorted(old.keys() & new.keys()):
        fields = [
            _change({"field": field}, old[name].get(field, _ABSENT), new[name].get(field, _ABSENT))
            for field in _FIELDS
            if not _nothing(old[name].get(field), new[name].get(field))
        ]
        lists = {
            field: moved
            for field in _LISTS
            if any(
                (moved := _names(old[name].get(field) or (), new[name].get(field) or ())).values()
            )
        }
        values = list(leaves(values_before.get(name) or {}, values_after.get(name) or {}))
        if fields or lists or values:
            changed.append({"name": name, "fields": fields, "lists": lists, "values": values})
        else:
            unchanged.append(name)
    return {
        "added": [_shown(new[name]) for name in sorted(new.keys() - old.keys())],
        "removed": [_shown(old[name]) for name in sorted(old.keys() - new.keys())],
        "changed": changed,
        "unchanged": unchanged,
    }


def _checks(before: Document, after: Document) -> Document:
    """Give, by phase, the checks that are added and removed; phases where none is are left out."""
    phases = {
        name: _names(*((side.get(name) or {}).get("checks") or () for side in (before, after)))
        for name in sorted({*before, *after})
    }
    return {name: moved for name, moved in phases.items() if any(moved.values())}


def _charts(before: Document, after: Document) -> list[Document]:
    """Give the components whose chart is another, or another version: what has to be fetched anew."""
    old, new = (
        {ref["name"]: _chart(ref) for ref in side.get("componentRefs") or ()}
        for side in (before, after)
    )
    return [
        _change({"component": name}, old.get(name) or _ABSENT, new.get(name) or _ABSENT)
        for name in sorted({*old, *new})
        if (old.get(name) or "") != (new.get(name) or "")
    ]


def _chart(ref: Document) -> str:
    """Give what a component is deployed from as one text, empty for manifests alone."""
    source, version = ref.get("source") or "", ref.get("version") or ref.get("tag") or ""
    if not source:
        return ""
    place = "/".join(
        part.strip("/") for part in (source, ref.get("chart") or ref.get("path") or "") if part
    )
    return f"{place}@{version}" if version else place


def _nothing(old: Any, new: Any) -> bool:
    return (not old and not new) or _same(old, new)


def _shown(ref: Document) -> Document:
    return {"name": ref["name"], **{field: ref[field] for field in _FIELDS if ref.get(field)}}


def _constraints(before: Iterable[Document], after: Iterable[Document]) -> Document:
    old, new = _by("name", before), _by("name", after)

    def listed(names: Iterable[str], side: Mapping[str, Document]) -> list[Document]:
        return [{"name": name, "value": side[name].get("value", "")} for name in sorted(names)]

    return {
        "added": listed(new.keys() - old.keys(), new),
        "removed": listed(old.keys() - new.keys(), old),
        "changed": [
            {"name": name, "from": old[name].get("value", ""), "to": new[name].get("value", "")}
            for name in sorted(old.keys() & new.keys())
            if old[name].get("value", "") != new[name].get("value", "")
        ],
    }
