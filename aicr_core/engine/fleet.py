"""From the snapshots of many nodes to one document: groups of equal nodes, and how the others differ.

Nodes are equal when their stable readings are: what the drift rules call volatile or identity does not count
(spec/snapshot.md 14.1), nor do facts of the cluster as a whole. The largest group that has accelerators stands at the
top of the document in full, so that every reader of a snapshot reads a fleet as well; the others hold only what differs
from it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine import collect, match
from aicr_core.engine.diff import Side, text_of
from aicr_core.engine.drift import alike, normal
from aicr_core.engine.snapshots import united
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aicr_core.engine.drift import Rules

Document = dict[str, Any]
CLUSTER_TYPES = ("NodeTopology",)
"""Measurements that are of the cluster, whichever node's snapshot holds them."""


class _Group(NamedTuple):
    """Nodes of one digest: their names, and what the one first by name has; so no order of arrival shows."""

    names: list[str]
    first: str
    measurements: list[Document]
    stable: dict[str, Any]
    side: Side


def build(
    run: str,
    nodes: Iterable[tuple[str, Mapping[str, Any]]],
    failed: Sequence[Document],
    cluster: Sequence[Document],
    rules: Rules,
) -> Document:
    """Give the FleetSnapshot of (node, snapshot) pairs, without header fields that say when and by whom.

    ``failed`` are ``{node, reason, message}``, ``cluster`` measurements of the cluster as a whole. ``nodes`` is taken
    one by one and only one document of each group is kept: memory grows with groups, not with nodes. ``failed`` is
    read after it.
    """
    found: dict[str, _Group] = {}
    gaps: dict[tuple[str, ...], list[str]] = {}
    for name, document in nodes:
        side = Side.of(dict(document))
        stable = _stable(side, rules)
        digest = _digest(stable, side.node or name)
        names, first = found[digest][:2] if digest in found else ([], name)
        names.append(name)
        if name <= first:
            measurements = list(document.get("measurements", ()))
            found[digest] = _Group(names, name, measurements, stable, side)
        for entry in document.get("collection", ()):
            if entry["status"] not in collect.CLEAN:
                key = tuple(str(entry.get(field, "")) for field in _GAP)
                gaps.setdefault(key, []).append(name)
    order = sorted(found, key=lambda digest: (-len(found[digest].names), found[digest].first))
    base = next((digest for digest in order if _has_accelerator(found[digest].measurements)), None)
    base = base or (order[0] if order else None)
    groups = _groups(order, base or "", found)
    collected = sum(len(group.names) for group in found.values())
    top = found[base].measurements if base else []
    return {
        "kind": "FleetSnapshot",
        "apiVersion": "aicr.nvidia.com/v1alpha1",
        "metadata": {"source-node": found[base].first if base else ""},
        "measurements": collect.in_order(_together([*top, *cluster])),
        "collection": [
            {field: text for field, text in zip(_GAP, key, strict=True) if text} | {"nodes": sorted(names)}
            for key, names in sorted(gaps.items())
        ],
        "fleet": {
            "run": run,
            "nodes": {
                "desired": collected + len(failed),
                "collected": collected,
                "failed": len(failed),
            },
            "groups": groups,
            "failed": sorted(failed, key=lambda item: str(item["node"])),
        },
    }  # fmt: skip


def with_cluster(document: Document, cluster: Sequence[Document]) -> Document:
    """Give a FleetSnapshot with further measurements of the cluster as a whole."""
    return {
        **document,
        "measurements": collect.in_order(_together([*document["measurements"], *cluster])),
    }


_GAP = ("collector", "subtype", "status", "reason", "source")


def _stable(side: Side, rules: Rules) -> dict[str, Any]:
    """Give the readings in which equal nodes are equal, and as readings what could not be read."""
    is_stable = rules.is_stable
    stable = {
        path: value
        for path, value in side.readings.items()
        if is_stable(path) and not path.startswith(CLUSTER_TYPES)
    }
    stable.update({f"collection.{name}": status for name, status in side.gaps.items()})
    return stable


def _digest(stable: Mapping[str, Any], node: str) -> str:
    parts = [
        f"{path}\0{normal(path, value if value.__class__ is str else text_of(value), node)}\0"
        for path, value in sorted(stable.items())
    ]
    return hashlib.sha256("".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _has_accelerator(measurements: list[Document]) -> bool:
    return collect.accelerators({"measurements": measurements}) > 0


def _together(measurements: Iterable[Document]) -> list[Document]:
    """Unite measurements of one type: a node's snapshot may hold cluster facts that were also gathered once."""
    found: dict[str, Document] = {}
    for measurement in measurements:
        known = found.get(measurement["type"], {}).get("subtypes", ())
        if known:
            subtypes = united([*known, *measurement.get("subtypes", ())])
            measurement = {**measurement, "subtypes": subtypes}
        found[measurement["type"]] = measurement
    return list(found.values())


def _groups(order: Sequence[str], base: str, found: Mapping[str, _Group]) -> list[Document]:
    groups: list[Document] = []
    for digest in order:
        group = found[digest]
        if digest == base:
            own = [item for item in group.measurements if item["type"] not in CLUSTER_TYPES]
            groups.append(
                {"id": base[:8], "nodes": group.names, "measurements": collect.in_order(own)}
            )
            continue
        differs = _differs(found[base], group)
        if differs:
            groups.append(
                {"id": digest[:8], "nodes": group.names, "base": base[:8], "differs": differs}
            )
        else:
            # All that tells them apart is what was redacted on one side only.
            found[base].names.extend(group.names)
    for entry in groups:
        entry["nodes"].sort()
    return groups


def _differs(base: _Group, other: _Group) -> list[Document]:
    found = []
    names = base.side.node or base.first, other.side.node or other.first
    for path in sorted({*base.stable, *other.stable}):
        entry: Document = {"path": path}
        if path in base.stable:
            entry["base"] = base.stable[path]
        if path in other.stable:
            entry["value"] = other.stable[path]
        if "value" not in entry and other.side.may_lack(path):
            # It was not read: the status of its subtype says so once.
            continue
        if "base" not in entry and base.side.may_lack(path):
            continue
        if len(entry) == 3 and alike(path, text_of(entry["base"]), text_of(entry["value"]), names):
            continue
        found.append(entry)
    return found


def flatten(fleet: Document) -> Document:
    """Give a fleet as the snapshot of its base group and cluster, for readers that know no fleets."""
    kept = {key: value for key, value in fleet.items() if key != "fleet"}
    return {**kept, "kind": "Snapshot"}


def without_accelerator(fleet: Document) -> list[str]:
    """Give the nodes of the fleet on which no GPU subtype counts one."""
    base = {
        f"GPU.{subtype['subtype']}.gpu-count": subtype.get("data", {}).get("gpu-count", 0)
        for measurement in fleet.get("measurements", ())
        for subtype in measurement.get("subtypes", ())
        if measurement["type"] == "GPU"
    }
    names: list[str] = []
    for group in fleet["fleet"]["groups"]:
        changed = {
            entry["path"]: entry.get("value", 0)
            for entry in group.get("differs", ())
            if entry["path"].startswith("GPU.") and entry["path"].endswith(".gpu-count")
        }
        counts = {**base, **changed}.values()
        if not any(isinstance(count, int) and count > 0 for count in counts):
            names += group["nodes"]
    return sorted(names)


def reading(fleet: Document, differs: Sequence[Document], path: str) -> str:
    """Give the reading ``Type.subtype.key`` of a group of the fleet, as text. Raises AicrError(NOT_FOUND)."""
    kind = path.partition(".")[0]
    for entry in differs:
        if entry["path"] == path:
            if "value" in entry:
                return text_of(entry["value"])
            raise AicrError(Code.NOT_FOUND, f"the node has no reading {path}")
        if entry["path"].startswith("collection.") and "value" in entry:
            gap = entry["path"].removeprefix("collection.")
            if path.startswith(f"{gap}.") and kind not in CLUSTER_TYPES:
                raise AicrError(Code.NOT_FOUND, f"{path} could not be read: {entry['value']}")
    if path.startswith("K8s.node.") and not _is_of_each_node(fleet):
        raise AicrError(Code.NOT_FOUND, f"{path} is known of one node only")
    return match.reading(fleet, path)


def _is_of_each_node(fleet: Document) -> bool:
    """Tell whether facts of the Node object were read for every node, and not for the one that stands for all."""
    return any(
        measurement["type"] == "K8s"
        and any(subtype["subtype"] == "node" for subtype in measurement.get("subtypes", ()))
        for group in fleet["fleet"]["groups"]
        for measurement in group.get("measurements", ())
    )
