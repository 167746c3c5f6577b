"""The four ways to change a part of an object: merge, strategic merge, JSON patch, server-side apply."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from emulated_cluster.objects import now
from emulated_cluster.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulated_cluster.kinds import Kind

    Item = dict[str, Any]
    Path = tuple[str, ...]

# Lists that a strategic merge patch merges, and by which key; all others are replaced.
_MERGED = {
    "containers": "name", "initContainers": "name", "env": "name", "volumes": "name",
    "volumeMounts": "mountPath", "ports": "containerPort", "conditions": "type",
    "ownerReferences": "uid", "imagePullSecrets": "name",
}  # fmt: skip


def merge(item: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(item) if isinstance(item, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic(item: Any, patch: Any, field: str = "") -> Any:
    """Merge with the known lists merged by their keys."""
    if isinstance(patch, list) and field in _MERGED and isinstance(item, list):
        key = _MERGED[field]
        result = [copy.deepcopy(entry) for entry in item]
        for entry in patch:
            at = next((i for i, old in enumerate(result) if old.get(key) == entry.get(key)), None)
            if entry.get("$patch") == "delete":
                result = [old for old in result if old.get(key) != entry.get(key)]
            elif at is None:
                result.append(copy.deepcopy(entry))
            else:
                result[at] = strategic(result[at], entry)
        return result
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(item) if isinstance(item, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = strategic(merged.get(name), value, name)
    return merged


def json_patch(item: Item, operations: Any) -> Item:
    """RFC 6902."""
    if not isinstance(operations, list):
        raise Refused(400, "error decoding patch: a JSON patch is a list of operations")
    result: Any = copy.deepcopy(item)
    for step in operations:
        word = step.get("op")
        parts = [p.replace("~1", "/").replace("~0", "~") for p in step["path"].split("/")[1:]]
        parent = result
        try:
            for part in parts[:-1]:
                parent = parent[int(part)] if isinstance(parent, list) else parent[part]
            last: Any = parts[-1]
            if isinstance(parent, list):
                last = len(parent) if last == "-" else int(last)
            if word == "test":
                if parent[last] != step["value"]:
                    raise Refused(422, "the server rejected our request: testing value failed")
            elif word == "remove":
                del parent[last]
            elif word == "add" and isinstance(parent, list):
                parent.insert(last, step["value"])
            elif word in ("add", "replace"):
                if word == "replace":
                    _ = parent[last]
                parent[last] = step["value"]
            else:
                raise Refused(400, f"Unexpected kind: {word}")
        except (KeyError, IndexError, ValueError, TypeError):
            text = f"the server rejected our request: missing path: {step['path']}"
            raise Refused(422, text) from None
    if not isinstance(result, dict):
        raise Refused(422, "the patched document is no object")
    return result


# --- server-side apply ------------------------------------------------------------------------------


def apply(kind: Kind, item: Item | None, patch: Item, manager: str, *, force: bool) -> Item:
    """Give the object after ``manager`` applied ``patch``: its earlier fields that are gone are removed.

    Lists are owned as a whole. Raises 409 when another manager owns a field with another value.
    """
    patch = copy.deepcopy(patch)
    owners = _owners(item)
    wanted = dict(_leaves(_owned_part(patch)))
    current = dict(_leaves(_owned_part(item))) if item else {}
    conflicts = [
        (other, path)
        for other, paths in owners.items()
        for path in paths & wanted.keys()
        if other != (manager, "Apply") and current.get(path) != wanted[path]
    ]
    if conflicts and not force:
        other, path = conflicts[0]
        text = f'Apply failed with {len(conflicts)} conflict: conflict with "{other[0]}": .{".".join(path)}'
        raise Refused(409, text)
    result: Item = copy.deepcopy(item) if item else {}
    mine = owners.get((manager, "Apply"), set())
    others = set().union(*(paths for who, paths in owners.items() if who != (manager, "Apply")))
    for path in mine - wanted.keys() - others:
        _delete(result, path)
    result = merge(result, patch)
    for who, path in conflicts:
        owners[who].discard(path)
    owners[(manager, "Apply")] = set(wanted)
    _record(kind, result, owners)
    return result


def wrote(kind: Kind, before: Item | None, after: Item, manager: str) -> Item:
    """Give ``after`` with its changed fields owned by a manager that wrote without apply."""
    owners = _owners(before)
    old = dict(_leaves(_owned_part(before))) if before else {}
    new = dict(_leaves(_owned_part(after)))
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    gone = old.keys() - new.keys()
    for who in owners:
        owners[who] -= changed | gone
    owners[(manager, "Update")] = owners.get((manager, "Update"), set()) | changed
    result = copy.deepcopy(after)
    _record(kind, result, owners)
    return result


def _owned_part(item: Item | None) -> Item:
    part = {k: v for k, v in (item or {}).items() if k not in ("apiVersion", "kind", "status")}
    metadata = part.get("metadata") or {}
    kept = ("labels", "annotations", "ownerReferences", "finalizers")
    part["metadata"] = {k: v for k, v in metadata.items() if k in kept}
    return part


def _leaves(value: Item, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from _leaves(inner, (*at, key))
        elif inner != {}:
            yield (*at, key), inner


def _delete(item: Item, path: Path) -> None:
    parents = [item]
    for part in path[:-1]:
        inner = parents[-1].get(part)
        if not isinstance(inner, dict):
            return
        parents.append(inner)
    parents[-1].pop(path[-1], None)
    for parent, part in reversed(list(zip(parents, path[:-1], strict=False))):
        if parent[part] == {}:
            del parent[part]


def _owners(item: Item | None) -> dict[tuple[str, str], set[Path]]:
    owners: dict[tuple[str, str], set[Path]] = {}
    for entry in ((item or {}).get("metadata") or {}).get("managedFields") or ():
        owners[(entry["manager"], entry["operation"])] = set(_from_fields(entry["fieldsV1"]))
    return owners


def _record(kind: Kind, item: Item, owners: dict[tuple[str, str], set[Path]]) -> None:
    item["metadata"]["managedFields"] = [
        {
            "manager": manager, "operation": operation, "apiVersion": kind.api_version,
            "time": now(), "fieldsType": "FieldsV1", "fieldsV1": _to_fields(paths),
        }
        for (manager, operation), paths in owners.items()
        if paths
    ]  # fmt: skip


def _to_fields(paths: set[Path]) -> Item:
    root: Item = {}
    for path in sorted(paths):
        at = root
        for part in path:
            at = at.setdefault(f"f:{part}", {})
    return root


def _from_fields(fields: Item, at: Path = ()) -> Iterator[Path]:
    for key, inner in fields.items():
        path = (*at, key[2:])
        if inner:
            yield from _from_fields(inner, path)
        else:
            yield path
