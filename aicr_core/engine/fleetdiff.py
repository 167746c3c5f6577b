"""Compare two fleets: each node with itself, whichever group it was and is in (spec/snapshot.md 14.9).

A fleet holds one group in full and the others as differences, so nodes need not be compared one by one: all nodes that
went from one group to another changed alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine.diff import Side, delta, modified, text_of
from aicr_core.engine.diff import changes as plain_changes

if TYPE_CHECKING:
    from collections.abc import Iterator

Document = dict[str, Any]
_ABSENT = object()


def changes(baseline: Document, target: Document) -> Iterator[Document]:
    """Give the changes between two fleets, unsorted and without severities.

    A change that not all nodes of both fleets share names its ``nodes``. That nodes came, left, or gave no snapshot is
    a change of ``fleet.nodes`` and ``fleet.failed``.
    """
    groups = _groups(baseline), _groups(target)
    sides = Side.of(baseline), Side.of(target)
    common = sorted(groups[0].keys() & groups[1].keys())
    pairs: dict[tuple[int, int], tuple[Document, Document, list[str]]] = {}
    for node in common:
        old, new = groups[0][node], groups[1][node]
        pairs.setdefault((id(old), id(new)), (old, new, []))[2].append(node)
    # The readings of nodes that differ are not their group's own identity: no node's name is taken out of them.
    whole = {change["path"]: change for change in plain_changes(*sides)}
    found: dict[tuple[Any, ...], tuple[Document, list[str]]] = {}
    if not common:
        # Two fleets without a node in common: what most of their nodes have is all that can be compared.
        yield from whole.values()
    for old, new, nodes in pairs.values():
        for change in _pair(sides, old, new, whole):
            key = tuple(sorted(change.items()))
            found.setdefault(key, (change, []))[1].extend(nodes)
    for change, nodes in found.values():
        yield change if len(nodes) == len(common) else {**change, "nodes": sorted(nodes)}
    yield from _members("fleet.nodes", set(groups[0]), set(groups[1]))
    yield from _members("fleet.failed", _failed(baseline), _failed(target))


def _groups(document: Document) -> dict[str, Document]:
    """Give the differences of each node's group from the base, by path."""
    found: dict[str, Document] = {}
    for group in document["fleet"]["groups"]:
        differs = {entry["path"]: entry.get("value", _ABSENT) for entry in group.get("differs", ())}
        found.update(dict.fromkeys(group["nodes"], differs))
    return found


def _pair(
    sides: tuple[Side, Side], old: Document, new: Document, whole: dict[str, Document]
) -> Iterator[Document]:
    """Give the changes of nodes that had ``old`` and have ``new``; what neither names changed as the base did."""
    for path, change in whole.items():
        if path not in old and path not in new:
            yield change
    for path in {**old, **new}:
        before = old.get(path, sides[0].readings.get(path, _ABSENT))
        after = new.get(path, sides[1].readings.get(path, _ABSENT))
        if before is _ABSENT and after is not _ABSENT:
            yield {"kind": "added", "path": path, "target": text_of(after)}
        elif after is _ABSENT and before is not _ABSENT:
            yield {"kind": "removed", "path": path, "baseline": text_of(before)}
        elif before is not _ABSENT:
            one = modified(path, text_of(before), text_of(after), ("", ""))
            if one is not None:
                yield one


def _failed(document: Document) -> set[str]:
    return {item["node"] for item in document["fleet"].get("failed", ())}


def _members(path: str, before: set[str], after: set[str]) -> Iterator[Document]:
    text = delta(before, after)
    if text is not None:
        yield {
            "kind": "modified",
            "path": path,
            "baseline": str(len(before)),
            "target": str(len(after)),
            "delta": text,
            "came": sorted(after - before),
            "left": sorted(before - after),
        }
