"""Compare two snapshots reading by reading, and say what each difference means (spec/snapshot.md 12, 14.9).

Values are compared as text after types were unified, so a YAML and a JSON copy of one run are equal. Taints and labels
are compared as sets of nodes. What could not be read on one side is one change of its ``collection`` status, not a
removal of every reading. Headers are not compared. Fleets are the business of ``engine.fleetdiff``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine.collect import CLEAN
from aicr_core.engine.drift import SEVERITIES, SILENT, alike
from aicr_core.kit.emit import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from aicr_core.engine.drift import Rules

Document = dict[str, Any]
Readings = dict[str, Any]
_CELLS = ("NodeTopology.taint.", "NodeTopology.label.")


def readings(measurements: Iterable[Document]) -> Readings:
    """Give every reading of ``measurements`` under its path; those of items under ``subtype[name]``."""
    found: Readings = {}
    for measurement in measurements:
        kind = measurement["type"]
        for subtype in measurement.get("subtypes", ()):
            place = f"{kind}.{subtype['subtype']}"
            for key, value in subtype.get("data", {}).items():
                found[f"{place}.{key}"] = value
            if "items" in subtype:
                _items(place, subtype["items"], found)
    return found


def _items(place: str, items: Sequence[Document], found: Readings) -> None:
    """Add the readings of items, each under what its context says it is."""
    seen: dict[str, int] = {}
    for number, item in enumerate(items):
        context = item.get("context", {})
        whole = ",".join(f"{key}={value}" for key, value in sorted(context.items()))
        label = str(context.get("name") or context.get("index") or whole or number)
        seen[label] = seen.get(label, 0) + 1
        if seen[label] > 1:
            label = f"{label}#{seen[label]}"
        for key, value in item.get("data", {}).items():
            found[f"{place}[{label}].{key}"] = value
        for key, value in context.items():
            if key not in ("name", "index"):
                found[f"{place}[{label}].@{key}"] = value


def text_of(value: Any) -> str:
    """Give a reading as the text in which it is compared and shown."""
    return "<nil>" if value is None else value if isinstance(value, str) else as_text(value)


class Side:
    """One side of a comparison: its readings, which node it is of, and what could not be read."""

    def __init__(
        self,
        readings: Mapping[str, Any],
        node: str = "",
        collection: Iterable[Document] = (),
        types: Iterable[str] = (),
    ) -> None:
        self.readings = readings
        self.node = node
        self._types = frozenset(types)
        self.gaps: dict[str, str] = {}
        """Subtype, or collector where it gave nothing at all, to status: what may lack readings."""
        self._blind = False
        for entry in collection:
            # In a fleet, what single nodes lack is told with the nodes.
            if entry["status"] not in CLEAN and "nodes" not in entry:
                self.gaps[entry.get("subtype") or entry["collector"]] = entry["status"]
                self._blind = self._blind or not entry.get("subtype")

    @classmethod
    def of(cls, document: Document) -> Side:
        """Make the side of a whole snapshot."""
        measurements = document.get("measurements", ())
        node = str(document.get("metadata", {}).get("source-node") or "")
        types = [measurement["type"] for measurement in measurements]
        return cls(readings(measurements), node, document.get("collection", ()), types)

    def may_lack(self, path: str) -> bool:
        """Tell whether a reading may be absent here only because it could not be read."""
        if self._blind and path.partition(".")[0] not in self._types:
            return True
        return any(path.startswith((f"{gap}.", f"{gap}[")) for gap in self.gaps)


def compare(
    baseline: Document,
    target: Document,
    rules: Rules,
    *,
    show_all: bool = False,
    least: str = "info",
) -> Document:
    """Give the result document: changes with severities, sorted by path, and a summary.

    Changes less severe than ``least`` are left out and counted. ``show_all`` also lists what the rules call volatile or
    identity, with that word as severity. Two fleets are compared node by node.
    """
    if "fleet" in baseline and "fleet" in target:
        from aicr_core.engine.fleetdiff import changes as fleet_changes

        found = list(fleet_changes(baseline, target))
        one = False
    else:
        sides = Side.of(baseline), Side.of(target)
        found = list(changes(*sides))
        one = bool(sides[0].node) and sides[0].node == sides[1].node
    return _result(found, rules, show_all=show_all, least=least, one_node=one)


def _result(
    found: Iterable[Document], rules: Rules, *, show_all: bool, least: str, one_node: bool
) -> Document:
    shown, ignored, minor = [], 0, 0
    wanted = SEVERITIES[SEVERITIES.index(least) :]
    for change in found:
        severity = rules.of(change["path"])
        if severity == "identity" and one_node:
            # The node kept its name and got another identity: a part or the whole machine was replaced.
            severity = "info"
        if severity in SILENT:
            ignored += not show_all
        elif severity not in wanted:
            minor += 1
        if severity in wanted or (severity in SILENT and show_all):
            head = {"kind": change["kind"], "severity": severity}
            shown.append({**head, **change})
    shown.sort(key=lambda change: (change["path"], change["kind"], change.get("nodes", [])))
    kinds = [change["kind"] for change in shown]
    summary = {kind: kinds.count(kind) for kind in ("added", "removed", "modified")}
    summary["total"] = len(kinds)
    if ignored:
        summary["ignored"] = ignored
    if minor:
        summary["belowSeverity"] = minor
    return {"changes": shown, "summary": summary}


def changes(before: Side, after: Side) -> Iterator[Document]:
    """Give the changes between two sides, unsorted and without severities."""
    nodes = before.node, after.node
    new_readings = after.readings
    for path, old in before.readings.items():
        new = new_readings.get(path, before)
        if new is before:
            if not after.may_lack(path):
                yield {"kind": "removed", "path": path, "baseline": text_of(old)}
        elif new != old or new.__class__ is not old.__class__:
            change = modified(path, text_of(old), text_of(new), nodes)
            if change is not None:
                yield change
    for path, new in new_readings.items():
        if path not in before.readings and not before.may_lack(path):
            yield {"kind": "added", "path": path, "target": text_of(new)}
    for name in sorted({*before.gaps, *after.gaps}):
        was, now = before.gaps.get(name, "ok"), after.gaps.get(name, "ok")
        if was != now:
            yield {"kind": "modified", "path": f"collection.{name}", "baseline": was, "target": now}


def modified(path: str, old: str, new: str, nodes: tuple[str, str]) -> Document | None:
    """Give the change from ``old`` to ``new``; None where both mean the same."""
    if old == new or alike(path, old, new, nodes):
        return None
    change = {"kind": "modified", "path": path, "baseline": old, "target": new}
    if path.startswith(_CELLS):
        delta = _cells(old, new)
        if delta is None:
            return None
        if delta:
            change["delta"] = delta
    return change


def _cells(old: str, new: str) -> str | None:
    """Compare two cells: None when equal as sets, ``+3 nodes -1 node`` when only nodes differ, else empty."""
    (head, _, names), (other, _, others) = old.rpartition("|"), new.rpartition("|")
    if head != other or " (+" in names or " (+" in others:
        # A list that was cut at --max-nodes-per-entry does not say which nodes it has.
        return ""
    return delta(set(names.split(",")), set(others.split(",")))


def delta(before: set[str], after: set[str]) -> str | None:
    """Give how two sets of nodes differ as ``+3 nodes -1 node``; None when they do not."""
    counts = (("+", len(after - before)), ("-", len(before - after)))
    parts = [f"{sign}{count} node{'s' if count > 1 else ''}" for sign, count in counts if count]
    return " ".join(parts) or None
