"""Compare two snapshots reading by reading, and say what each difference means (spec/snapshot.md 12, 14.9).

Values are compared as text after types were unified, so a YAML and a JSON copy of one run are equal. Taints and labels
are compared as sets of nodes. Headers and the ``collection`` block are not compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine.drift import SEVERITIES, SILENT, normal
from aicr_core.kit.emit import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aicr_core.engine.drift import Rules

Document = dict[str, Any]
Readings = dict[str, str]


def readings(measurements: list[Document]) -> Readings:
    """Give every reading of ``measurements`` as text under its path; items under ``subtype[name]``."""
    found: Readings = {}
    for measurement in measurements:
        kind = measurement["type"]
        for subtype in measurement.get("subtypes", ()):
            place = f"{kind}.{subtype['subtype']}"
            for key, value in subtype.get("data", {}).items():
                found[f"{place}.{key}"] = value if isinstance(value, str) else _text(value)
            for number, item in enumerate(subtype.get("items", ())):
                context = item.get("context", {})
                label = (
                    context.get("name") or context.get("index") or _context(context) or str(number)
                )
                for key, value in item.get("data", {}).items():
                    found[f"{place}[{label}].{key}"] = _text(value)
                for key, value in context.items():
                    if key not in ("name", "index"):
                        found[f"{place}[{label}].@{key}"] = str(value)
    return found


def _context(context: Document) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(context.items()))


def _text(value: Any) -> str:
    return "<nil>" if value is None else as_text(value)


def compare(
    baseline: Document, target: Document, rules: Rules, *, show_all: bool = False
) -> Document:
    """Give the result document: changes with severities, sorted by path, and a summary.

    ``show_all`` also lists what the rules call volatile or identity, with that word as severity.
    """
    changes: list[Document] = []
    ignored = 0
    groups = _groups(baseline), _groups(target)
    for label in sorted(set(groups[0]) | set(groups[1])):
        prefix = f"{label}/" if label else ""
        for change in _changes(groups[0].get(label, {}), groups[1].get(label, {})):
            severity = rules.of(change["path"])
            if severity in SILENT and not show_all:
                ignored += 1
                continue
            changes.append({**change, "severity": severity, "path": prefix + change["path"]})
    changes.extend(_members(baseline, target))
    changes.sort(key=lambda change: (change["path"], change["kind"]))
    kinds = [change["kind"] for change in changes]
    summary = {kind: kinds.count(kind) for kind in ("added", "modified", "removed")} | {
        "total": len(kinds)
    }
    if ignored:
        summary["ignored"] = ignored
    return {"changes": changes, "summary": summary}


def _groups(document: Document) -> dict[str, Readings]:
    """Give the readings to compare: those of a snapshot, or of each node of the smaller groups of a fleet as well."""
    found = {"": readings(document.get("measurements", []))}
    for group in document.get("fleet", {}).get("groups", ()):
        for difference in group.get("differs", ()):
            for node in group["nodes"]:
                value = difference.get("value")
                # What a fleet's node has otherwise than the base group.
                found.setdefault(f"node {node}", {})[difference["path"]] = _text(value)
    return found


def _members(baseline: Document, target: Document) -> Iterator[Document]:
    """Nodes that came to a fleet, left it, or gave no snapshot."""
    sets = []
    for document in (baseline, target):
        fleet = document.get("fleet")
        if fleet is None:
            return
        sets.append({node for group in fleet.get("groups", ()) for node in group["nodes"]})
    for node in sorted(sets[1] - sets[0]):
        yield {
            "kind": "added",
            "severity": "warn",
            "path": f"fleet.nodes.{node}",
            "target": "collected",
        }
    for node in sorted(sets[0] - sets[1]):
        yield {
            "kind": "removed",
            "severity": "warn",
            "path": f"fleet.nodes.{node}",
            "baseline": "collected",
        }


def _changes(before: Readings, after: Readings) -> Iterator[Document]:
    for path, old in before.items():
        new = after.get(path)
        if new is None:
            yield {"kind": "removed", "path": path, "baseline": old}
        elif new != old and normal(path, new) != normal(path, old):
            change = {"kind": "modified", "path": path, "baseline": old, "target": new}
            if path.startswith(("NodeTopology.taint.", "NodeTopology.label.")):
                cell = _cells(old, new)
                if cell is None:
                    continue
                if cell:
                    change["nodes"] = cell
            yield change
    for path, new in after.items():
        if path not in before:
            yield {"kind": "added", "path": path, "target": new}


def _cells(old: str, new: str) -> str | None:
    """Compare two cells: None when equal as sets, ``+3 nodes -1 node`` when only nodes differ, else empty."""
    (head, names), (other, others) = _cell(old), _cell(new)
    if head != other:
        return ""
    came, left = len(others - names), len(names - others)
    if not came and not left:
        return None
    parts = [
        f"{sign}{count} node{'s' if count > 1 else ''}"
        for sign, count in (("+", came), ("-", left))
        if count
    ]
    return " ".join(parts)


def _cell(text: str) -> tuple[str, set[str]]:
    head, _, nodes = text.rpartition("|")
    return head, set(nodes.split(","))


def worst(result: Document, threshold: str) -> int:
    """Give how many changes are at least as severe as ``threshold``."""
    wanted = SEVERITIES[SEVERITIES.index(threshold) :]
    return sum(change["severity"] in wanted for change in result["changes"])


def as_sarif(result: Document, version: str, escape: Callable[[str], str] = str) -> Document:
    """Give a result as a SARIF 2.1.0 log: one rule for each kind of change, one result a change."""
    levels = {"info": "note", "warn": "warning", "critical": "error"}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "aicr diff",
                        "version": version,
                        "rules": [
                            {"id": f"drift/{kind}", "shortDescription": {"text": f"A reading was {kind}."}}
                            for kind in ("added", "modified", "removed")
                        ],
                    }
                },
                "results": [
                    {
                        "ruleId": f"drift/{change['kind']}",
                        "level": levels.get(change["severity"], "none"),
                        "message": {"text": escape(describe(change))},
                        "locations": [
                            {"physicalLocation": {"artifactLocation": {"uri": result["targetSource"]}},
                             "logicalLocations": [{"fullyQualifiedName": change["path"]}]}
                        ],
                    }
                    for change in result["changes"]
                ],
            }
        ],
    }  # fmt: skip


def describe(change: Document) -> str:
    """Give a change as one sentence."""
    if change["kind"] == "modified":
        how = change.get("nodes") or f'"{change["baseline"]}" -> "{change["target"]}"'
        return f"{change['path']}: {how}"
    value = change.get("target", change.get("baseline"))
    return f'{change["path"]} was {change["kind"]}: "{value}"'
