"""From the snapshots of many nodes to one document: groups of equal nodes, and how the others differ.

Nodes are equal when their stable readings are: what the drift rules call volatile or identity does not count
(spec/snapshot.md 14.1). The largest group that has accelerators stands at the top of the document in full, so that
every reader of a snapshot reads a fleet as well; the others hold only what differs from it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from aicr_core.engine import collect, match
from aicr_core.engine.diff import readings
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aicr_core.engine.drift import Rules

Document = dict[str, Any]


def build(
    run: str,
    nodes: Iterable[tuple[str, Mapping[str, Any]]],
    failed: Sequence[Document],
    cluster: Sequence[Document],
    rules: Rules,
) -> Document:
    """Give the FleetSnapshot of (node, snapshot) pairs, without header fields that say when and by whom.

    ``failed`` are ``{node, reason, message}``, ``cluster`` measurements of the cluster as a whole. The documents are
    read one after the other and only one of each group is kept: memory grows with groups, not with nodes.
    """
    found: dict[str, tuple[list[str], list[Document], dict[str, str]]] = {}
    for name, document in nodes:
        measurements = list(document.get("measurements", ()))
        stable = {
            path: text for path, text in readings(measurements).items() if rules.is_stable(path)
        }
        digest = _digest(stable)
        if digest in found:
            found[digest][0].append(name)
        else:
            found[digest] = ([name], measurements, stable)
    order = sorted(found, key=lambda digest: (-len(found[digest][0]), sorted(found[digest][0])))
    base = next(
        (digest for digest in order if _has_accelerator(found[digest][1])),
        order[0] if order else "",
    )
    groups = []
    for digest in order:
        names, _, stable = found[digest]
        group: Document = {"id": digest[:8], "nodes": sorted(names)}
        if digest != base:
            group |= {"base": base[:8], "differs": _differs(found[base][2], stable)}
        groups.append(group)
    collected = sum(len(names) for names, _, _ in found.values())
    measurements = found[base][1] if base else []
    return {
        "kind": "FleetSnapshot",
        "apiVersion": "aicr.nvidia.com/v1alpha1",
        "metadata": {"source-node": sorted(found[base][0])[0] if base else ""},
        "measurements": collect.in_order([*measurements, *cluster]),
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
    }


def _digest(stable: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for path in sorted(stable):
        digest.update(f"{path}\0{stable[path]}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _has_accelerator(measurements: list[Document]) -> bool:
    return collect.accelerators({"measurements": measurements}) > 0


def _differs(base: Mapping[str, str], other: Mapping[str, str]) -> list[Document]:
    found = []
    for path in sorted({*base, *other}):
        if base.get(path) != other.get(path):
            entry: Document = {"path": path}
            if path in base:
                entry["base"] = base[path]
            if path in other:
                entry["value"] = other[path]
            found.append(entry)
    return found


def nodes_of(fleet: Document) -> list[tuple[str, list[Document]]]:
    """Give every node with how it differs from the base group (an empty list for the group's own)."""
    found = [
        (node, group.get("differs", []))
        for group in fleet["fleet"]["groups"]
        for node in group["nodes"]
    ]
    return sorted(found, key=lambda item: item[0])


def reading(fleet: Document, differs: Sequence[Document], path: str) -> str:
    """Give the reading ``Type.subtype.key`` of one node of the fleet, as text. Raises AicrError(NOT_FOUND)."""
    for entry in differs:
        if entry["path"] == path:
            if "value" in entry:
                return str(entry["value"])
            raise AicrError(Code.NOT_FOUND, f"the node has no reading {path}")
    return match.reading(fleet, path)
